"""What can be wrong with an encrypted file; no message ever holds a value or a key."""

from __future__ import annotations

from fairlead.errors import BuildError

__all__ = ["MacError", "NoKeyError", "SopsError"]


class SopsError(BuildError):
    """The file cannot be decrypted."""


class NoKeyError(SopsError):
    """No key at hand opens the file."""


class MacError(SopsError):
    """The file was changed after it was encrypted."""
