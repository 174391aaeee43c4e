"""What the three patches raise."""

from __future__ import annotations

from typing import Any

from fairlead.errors import UserError

__all__ = ["PatchError", "not_an_object"]


class PatchError(UserError):
    """A patch cannot be read (``code`` 400) or does not apply to the document (422); 500 where the server says so."""

    def __init__(self, message: str, code: int = 422) -> None:
        super().__init__(message)
        self.code = code


def not_an_object(patch: Any) -> str:
    """What Go says of a patch that should be an object."""
    kind = "array" if isinstance(patch, list) else "string" if isinstance(patch, str) else "number"
    if isinstance(patch, bool):
        kind = "bool"
    return f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
