"""What an API server, or the way to it, can answer instead of what we asked for.

Every error names the object, what was tried and the server's reason in one line:
``Deployment/apps/web dry-run failed (Invalid): spec.replicas: must be ≥ 0``. Nothing here holds a value of a Secret:
see :mod:`fairlead.kube.vetting`.

    ApiError (FairleadError)              any refusal; ``status``, ``reason``, ``message``, ``causes``
    ├── NotFoundError                         the object (or the namespace it would live in) is not there
    ├── AlreadyExistsError                    create met an object of that name
    ├── ConflictApiError     (ConflictError)      optimistic lock or precondition failed, or a field has another owner
    ├── InvalidError         (ApplyRejectedError) the object is refused as it is written
    ├── ForbiddenApiError    (ForbiddenError)     no or not enough permission
    ├── GoneError                             the resource version is too old: list again
    ├── TooManyRequestsError (UnavailableError)   the server sheds load; ``retry_after`` seconds
    └── ServerUnavailableError (UnavailableError) no connection, no answer in time, or a 5xx
    NoMatchError (NotReadyError)          the server does not know the kind (yet): its CRD may still come
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from fairlead.errors import (
    ApplyRejectedError,
    ConflictError,
    FairleadError,
    ForbiddenError,
    NotReadyError,
    UnavailableError,
)
from fairlead.kube.vetting import vet_secret_message

if TYPE_CHECKING:
    from collections.abc import Collection

    from fairlead.objects.ref import GroupKind

__all__ = [
    "AlreadyExistsError",
    "ApiError",
    "Cause",
    "ConflictApiError",
    "ForbiddenApiError",
    "GoneError",
    "InvalidError",
    "NoMatchError",
    "NotFoundError",
    "ServerUnavailableError",
    "Status",
    "TooManyRequestsError",
    "error_from_status",
    "parse_status",
]

MAX_MESSAGE = 8192


class Cause(NamedTuple):
    """One detail of a refusal: which field, what sort of fault, what the server says about it."""

    field: str
    reason: str
    message: str


class ApiError(FairleadError):
    """A request that an API server refused."""

    def __init__(
        self,
        subject: str,
        verb: str,
        *,
        status: int = 0,
        reason: str = "",
        message: str = "",
        causes: tuple[Cause, ...] = (),
        retry_after: float | None = None,
        named: str = "",
    ) -> None:
        self.subject = subject
        self.verb = verb
        self.status = status
        self.reason = reason
        self.message = message
        self.causes = causes
        self.retry_after = retry_after
        self.named = named
        """Name of the object that the server's answer is about; empty when the answer is about no object."""
        super().__init__(f"{subject} {verb} failed ({reason or status}): {message}")


class NotFoundError(ApiError):
    """The object is not there."""

    @property
    def about_object(self) -> bool:
        """False when the server does not know the path: then it is the kind that is missing."""
        return bool(self.named)


class AlreadyExistsError(ApiError):
    """There is an object of that name already."""


class ConflictApiError(ApiError, ConflictError):
    """The object changed since it was read, is another one (uid), or its fields belong to another manager."""


class InvalidError(ApiError, ApplyRejectedError):
    """The server refuses the object as it is written; ``causes`` name the fields."""

    @property
    def immutable(self) -> bool:
        """Whether a field that cannot be changed is the reason: only delete and create again would help."""
        return "immutable" in self.message or any("immutable" in cause.message for cause in self.causes)


class ForbiddenApiError(ApiError, ForbiddenError):
    """The server does not know us (401) or does not let us (403)."""


class GoneError(ApiError):
    """The resource version or the continue token is too old; list again."""


class TooManyRequestsError(ApiError, UnavailableError):
    """The server sheds load, or an eviction has to wait; ``retry_after`` says for how many seconds."""


class ServerUnavailableError(ApiError, UnavailableError):
    """The server could not be reached, did not answer in time, or failed by itself."""

    @property
    def unanswered(self) -> bool:
        """Whether the request may be under way still: it was sent, and neither done nor refused as far as we know."""
        return self.status in (0, 504) and self.reason != "ConnectionFailed"


class NoMatchError(NotReadyError):
    """The server does not serve this kind; it may once its CRD is established."""

    def __init__(self, kind: GroupKind, version: str | None = None, *, served: Collection[str] = ()) -> None:
        """``served`` are the versions in which the kind can be had, when it is only the version that is not served."""
        self.kind = kind
        self.version = version
        group = kind.group or "core"
        version_text = f' in version "{version}"' if version else ""
        advice = f"the server has it in {', '.join(sorted(served))}" if served else "is its CRD installed?"
        super().__init__(f'no matches for kind "{kind.kind}" in group "{group}"{version_text}: {advice}')


class StatusCause(msgspec.Struct):
    field: str = ""
    reason: str = ""
    message: str = ""


class StatusDetails(msgspec.Struct, rename="camel"):
    name: str = ""
    group: str = ""
    kind: str = ""
    uid: str = ""
    retry_after_seconds: float = 0
    causes: list[StatusCause] | None = None


class Status(msgspec.Struct):
    """The ``Status`` object of apimachinery, as far as we use it."""

    kind: str = ""
    code: int = 0
    reason: str = ""
    message: str = ""
    details: StatusDetails | None = None


_STATUS = msgspec.json.Decoder(Status)

_BY_REASON: dict[str, type[ApiError]] = {
    "AlreadyExists": AlreadyExistsError,
    "Conflict": ConflictApiError,
    "Expired": GoneError,
    "Forbidden": ForbiddenApiError,
    "Gone": GoneError,
    "Invalid": InvalidError,
    "NotFound": NotFoundError,
    "ServiceUnavailable": ServerUnavailableError,
    "Timeout": ServerUnavailableError,
    "ServerTimeout": ServerUnavailableError,
    "TooManyRequests": TooManyRequestsError,
    "Unauthorized": ForbiddenApiError,
}
_BY_CODE: dict[int, type[ApiError]] = {
    400: InvalidError,
    401: ForbiddenApiError,
    403: ForbiddenApiError,
    404: NotFoundError,
    409: ConflictApiError,
    410: GoneError,
    413: InvalidError,
    422: InvalidError,
    429: TooManyRequestsError,
}
_REASON_OF_CODE = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Gone",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "Timeout",
}


def parse_status(code: int, body: bytes) -> Status:
    """The ``Status`` in a response body; a body of another form becomes the message, cut and on one line."""
    try:
        status = _STATUS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        status = Status()
    if status.kind != "Status":
        status = Status(message=body[:512].decode("utf-8", "replace"))
    status.code = code or status.code
    return status


def error_from_status(
    status: Status, subject: str, verb: str, *, retry_after: float | None = None, secret_body: bytes | None = None
) -> ApiError:
    """The error for a refused request; ``secret_body`` is the Secret that we sent, which the server may quote."""
    if status.code == 500 and any(text in status.message for text in _INVALID_ALTHOUGH_500):
        status.reason = "Invalid"
    details = status.details or StatusDetails()
    causes = tuple(Cause(cause.field, cause.reason, _one_line(cause.message)) for cause in details.causes or ())
    message = _one_line(status.message) or "the server gave no reason"
    if secret_body is not None:
        message = vet_secret_message(message, secret_body)
        causes = tuple(cause._replace(message=vet_secret_message(cause.message, secret_body)) for cause in causes)
    return _class_of(status)(
        subject,
        verb,
        status=status.code,
        reason=status.reason or _REASON_OF_CODE.get(status.code, str(status.code)),
        message=message,
        causes=causes,
        retry_after=retry_after if retry_after is not None else details.retry_after_seconds or None,
        named=details.name,
    )


# The server (1.35) answers some apply requests that can never succeed with 500 and no reason: a field that the schema
# does not have, a value of another type.
_INVALID_ALTHOUGH_500 = (
    "failed to create typed patch object",
    "failed to convert new object",
    "error decoding from json",
)


def _class_of(status: Status) -> type[ApiError]:
    if found := _BY_REASON.get(status.reason) or _BY_CODE.get(status.code):
        return found
    return ServerUnavailableError if status.code >= 500 else ApiError


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_MESSAGE else line[: MAX_MESSAGE - 1] + "…"
