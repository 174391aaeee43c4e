"""The API server's way to say no: a ``Status`` object with a code, a reason and a message.

The constructors below know the real server's texts (kube-apiserver 1.35, ``apimachinery/pkg/api/errors``), so that the
rest of the code names the failure and nothing else.
"""

from __future__ import annotations

from typing import Any

from fairlead.errors import FairleadError

__all__ = [
    "StatusError",
    "already_exists",
    "bad_request",
    "conflict",
    "expired",
    "forbidden",
    "invalid",
    "missing_resource",
    "not_allowed",
    "not_found",
    "resource_name",
    "unauthorized",
]


class StatusError(FairleadError):
    """A refused request; ``code`` is the HTTP status and ``reason`` the machine-readable word."""

    def __init__(
        self, code: int, reason: str, message: str, details: dict[str, Any] | None = None, *, retry_after: int = 0
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after = retry_after
        self.list_metadata: dict[str, Any] = {}

    def body(self) -> dict[str, Any]:
        """The ``Status`` object that the client gets."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.list_metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        return status


def resource_name(group: str, resource: str) -> str:
    """``deployments.apps``, or ``pods`` for the core group: how messages name a resource."""
    return f"{resource}.{group}" if group else resource


def _details(name: str, group: str, kind: str) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    if kind:
        details["kind"] = kind
    return details


def not_found(group: str, resource: str, name: str) -> StatusError:
    return StatusError(
        404, "NotFound", f'{resource_name(group, resource)} "{name}" not found', _details(name, group, resource)
    )


def already_exists(group: str, resource: str, name: str) -> StatusError:
    message = f'{resource_name(group, resource)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, _details(name, group, resource))


def conflict(group: str, resource: str, name: str, cause: str) -> StatusError:
    message = f'Operation cannot be fulfilled on {resource_name(group, resource)} "{name}": {cause}'
    return StatusError(409, "Conflict", message, _details(name, group, resource))


def forbidden(group: str, resource: str, name: str, cause: str) -> StatusError:
    what = resource_name(group, resource)
    if resource and name:
        message = f'{what} "{name}" is forbidden: {cause}'
    elif resource:
        message = f"{what} is forbidden: {cause}"
    else:
        message = f"forbidden: {cause}"
    return StatusError(403, "Forbidden", message, _details(name, group, resource))


def invalid(group: str, kind: str, name: str, causes: list[tuple[str, str, str]]) -> StatusError:
    """``causes`` are (reason such as ``FieldValueRequired``, message without the path, path)."""
    texts = list(dict.fromkeys(f"{path}: {message}" for _, message, path in causes))
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = _details(name, group, kind)
    details["causes"] = [{"reason": reason, "message": message, "field": path} for reason, message, path in causes]
    return StatusError(422, "Invalid", f'{resource_name(group, kind)} "{name}" is invalid: {text}', details)


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    return StatusError(401, "Unauthorized", "Unauthorized")


def expired(message: str) -> StatusError:
    return StatusError(410, "Expired", message)


def missing_resource() -> StatusError:
    """A path of a served group that leads nowhere."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def not_allowed() -> StatusError:
    text = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", text, {})
