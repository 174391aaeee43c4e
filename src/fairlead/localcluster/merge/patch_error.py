"""What the three patches raise."""

from __future__ import annotations

from fairlead.errors import UserError

__all__ = ["PatchError"]


class PatchError(UserError):
    """A patch cannot be read (``code`` 400) or does not apply to the document (422); 500 where the server says so."""

    def __init__(self, message: str, code: int = 422) -> None:
        super().__init__(message)
        self.code = code
