"""Our custom resources as the reflectors keep them: typed, and one that cannot be typed never hides the others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from fairlead.api.meta import ObjectMeta  # noqa: TC001 - msgspec reads the annotation
from fairlead.objects.duration import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Malformed", "Unreadable", "decoder"]

S = TypeVar("S", bound=msgspec.Struct)

_KEPT_STATUS = ("inventory", "lastAppliedRevision", "lastAttemptedRevision", "lastHandledReconcileAt")
"""What must survive of a status that somebody else wrote in a form that we do not know."""
_SPANS = ("interval", "retry_interval", "timeout")
_ON_THE_WIRE = {"retry_interval": "retryInterval"}


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
            found = self._decoder.decode(raw)
        except msgspec.ValidationError:
            return self._checked(self._without_foreign_status(raw))
        return self._checked(found)

    def _checked(self, found: S | Malformed) -> S | Malformed:
        """Time spans may have the right form and yet be too long for one: ``9999999999h``."""
        if isinstance(found, Malformed):
            return found
        spec = getattr(found, "spec", None)
        for field in _SPANS:
            text = getattr(spec, field, None)
            if text and (problem := _problem_of_span(text)):
                metadata: ObjectMeta = found.metadata  # type: ignore[attr-defined]  # all our kinds have it
                return Malformed(metadata, f"{problem} - at `$.spec.{_ON_THE_WIRE.get(field, field)}`")
        return found

    def _without_foreign_status(self, raw: msgspec.Raw) -> S | Malformed:
        manifest: dict[str, Any] = msgspec.json.decode(raw)
        status = manifest.pop("status", None) or {}
        manifest["status"] = {key: status[key] for key in _KEPT_STATUS if key in status}
        try:
            return msgspec.convert(manifest, self._struct)
        except msgspec.ValidationError as error:
            return Malformed(self._fallback.decode(raw).metadata, str(error))


@lru_cache(maxsize=1024)
def _problem_of_span(text: str) -> str:
    try:
        parse_duration(text)
    except ValueError as error:
        return str(error)
    return ""


def decoder(struct: type[S]) -> Callable[[msgspec.Raw], S | Malformed]:
    """The decode hook of a reflector for one of our kinds."""
    return _Decoder(struct)
