"""What can be wrong with an encrypted file; no message ever holds a value or a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.errors import BuildError
from fairlead.objects.urls import redact_url

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["AwaitedKeyError", "MacError", "MissingDataKeysError", "NoKeyError", "SopsError"]


class SopsError(BuildError):
    """The file cannot be decrypted."""


class NoKeyError(SopsError):
    """No key at hand opens the file."""


class AwaitedKeyError(NoKeyError):
    """A key service can open the file, and was not asked yet."""

    def __init__(self, wanted: Iterable[tuple[str, str]]) -> None:
        """``wanted``: the address of a key, and what is encrypted with it."""
        self.wanted = frozenset(wanted)
        super().__init__("a key service was not asked yet")


class MissingDataKeysError(BuildError):
    """The build needs these data keys from key services, and maybe more."""

    def __init__(self, wanted: Iterable[tuple[str, str]]) -> None:
        self.wanted = tuple(wanted)
        super().__init__(
            f"not at hand: data keys of {', '.join(sorted({redact_url(address) for address, _ in self.wanted}))}"
        )


class MacError(SopsError):
    """The file was changed after it was encrypted."""
