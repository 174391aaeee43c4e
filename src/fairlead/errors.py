"""The bases of every error that Fairlead raises on purpose, grouped by what somebody can do about it.

    FairleadError
    ├── UserError            the user changes the repository or the spec; a retry alone does not help
    │   ├── BuildError           a manifest, kustomization, patch or substitution cannot be rendered
    │   ├── InvalidSpecError     a custom resource asks for something that cannot be
    │   └── ApplyRejectedError   the API server refuses an object (invalid field, immutable field)
    ├── ForbiddenError       somebody grants access (credentials, RBAC)
    ├── NotReadyError        somebody else has to become ready first; an event wakes the work up again
    ├── UnavailableError     a server is down, slow or answers nonsense; retried with back-off
    └── ConflictError        the object changed meanwhile; read again and retry

Concrete classes stand beside the code that raises them. Every message reads as one line that a person can act on and
never holds a secret's value.
"""

from __future__ import annotations

__all__ = [
    "ApplyRejectedError",
    "BuildError",
    "ConflictError",
    "FairleadError",
    "ForbiddenError",
    "InvalidSpecError",
    "NotReadyError",
    "UnavailableError",
    "UserError",
]


class FairleadError(Exception):
    """Base of all errors of this package; ``str(error)`` is one line for a person."""


class UserError(FairleadError):
    """Something that the user wrote has to change before a retry can succeed."""


class BuildError(UserError):
    """Files in the tree cannot be rendered into objects; the message names file, line, field and object where known."""


class InvalidSpecError(UserError):
    """The spec of a custom resource is contradictory or refers to something that is not allowed."""


class ApplyRejectedError(UserError):
    """The API server refused an object; the message names the object, the server's reason and the field."""


class ForbiddenError(FairleadError):
    """Credentials are missing, wrong or lack a permission; a retry helps only after somebody grants it."""


class NotReadyError(FairleadError):
    """Something this work depends on is not there or not ready yet; it is woken when that changes."""


class UnavailableError(FairleadError):
    """A server could not be reached in time or answered with nonsense; the work is retried with back-off."""


class ConflictError(FairleadError):
    """The object was changed by somebody else between read and write; read it again and retry."""
