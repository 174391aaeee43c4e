"""Our custom resources as the reflectors keep them: typed, and one that cannot be typed never hides the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from fairlead.api.meta import ObjectMeta  # noqa: TC001 - msgspec reads the annotation

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Malformed", "Unreadable", "decoder"]

S = TypeVar("S", bound=msgspec.Struct)

_KEPT_STATUS = ("inventory", "lastAppliedRevision", "lastAttemptedRevision", "lastHandledReconcileAt")
"""What must survive of a status that somebody else wrote in a form that we do not know."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A resource whose spec is not as its kind should be; the API server lets it pass when its CRD is another one."""

    metadata: ObjectMeta
    problem: str


class Unreadable(msgspec.Struct):
    """The least that every object has."""

    metadata: ObjectMeta


class _Decoder(Generic[S]):
    def __init__(self, struct: type[S]) -> None:
        self._struct = struct
        self._decoder = msgspec.json.Decoder(struct)
        self._fallback = msgspec.json.Decoder(Unreadable)

    def __call__(self, raw: msgspec.Raw) -> S | Malformed:
        try:
            return self._decoder.decode(raw)
        except msgspec.ValidationError:
            return self._without_foreign_status(raw)

    def _without_foreign_status(self, raw: msgspec.Raw) -> S | Malformed:
        manifest: dict[str, Any] = msgspec.json.decode(raw)
        status = manifest.pop("status", None) or {}
        manifest["status"] = {key: status[key] for key in _KEPT_STATUS if key in status}
        try:
            return msgspec.convert(manifest, self._struct)
        except msgspec.ValidationError as error:
            return Malformed(self._fallback.decode(raw).metadata, str(error))


def decoder(struct: type[S]) -> Callable[[msgspec.Raw], S | Malformed]:
    """The decode hook of a reflector for one of our kinds."""
    return _Decoder(struct)
