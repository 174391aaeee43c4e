"""Refusals of the API server in the words that users of Flux know, one line per object and without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.api.names import ENABLED, FORCE
from fairlead.errors import (
    ApplyRejectedError,
    ConflictError,
    FairleadError,
    ForbiddenError,
    NotReadyError,
    UnavailableError,
    UserError,
)
from fairlead.kube.errors import ApiError, InvalidError, NoMatchError, NotFoundError
from fairlead.objects.manifest import is_crd
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.objects.redact import Redactor

__all__ = ["combined", "failure", "group_of", "is_unchangeable"]

MAX_LISTED = 10
_UNCHANGEABLE = (
    "immutable",
    "may not change",
    "may not be changed",
    "cannot change",
    "updates to ",
    "cannot be changed",
)
_REMEDY = (
    f"; change it back, or annotate the manifest with {FORCE}: {ENABLED} to have the object deleted and created again"
)


def is_unchangeable(error: FairleadError) -> bool:
    """Whether the server refuses a change because of what the object is already."""
    return isinstance(error, UserError) and any(words in str(error) for words in _UNCHANGEABLE)


def failure(phase: str, manifest: Mapping[str, Any], error: FairleadError, redactor: Redactor) -> FairleadError:
    """``Deployment/apps/web dry-run failed (Invalid): ...`` in the group of errors that says what can be done."""
    ref = ObjectRef.of(manifest)
    if isinstance(error, NoMatchError):
        # The kind itself, or the API group, may have come from a variable that is secret.
        return NotReadyError(redactor.text(f"{ref} {phase} failed: {error}"))
    if not isinstance(error, ApiError):
        return error
    message = redactor.text(error.message, about=manifest)
    if isinstance(error, NotFoundError):
        return NotReadyError(f"{ref} not found: {message}")
    text = f"{ref} {phase} failed ({error.reason or error.status}): {message}"
    if any(cause.reason == "NamespaceTerminating" for cause in error.causes):
        return NotReadyError(text)
    if isinstance(error, InvalidError) and is_unchangeable(error) and not is_crd(manifest):
        text += _REMEDY
    return group_of(error)(text)


def group_of(error: FairleadError) -> type[FairleadError]:
    """The group of :mod:`fairlead.errors` in which a new error with the same remedy belongs."""
    if isinstance(error, UserError):
        return ApplyRejectedError
    for group in (ForbiddenError, ConflictError, NotReadyError, UnavailableError):
        if isinstance(error, group):
            return group
    return UnavailableError


def combined(failures: Sequence[FairleadError]) -> FairleadError | None:
    """One error for several independent ones: all are told, the first one's group decides what happens next."""
    if len(failures) <= 1:
        return failures[0] if failures else None
    lines = [str(error) for error in failures[:MAX_LISTED]]
    if len(failures) > MAX_LISTED:
        lines.append(f"and {len(failures) - MAX_LISTED} more objects")
    return group_of(failures[0])("; ".join(lines))
