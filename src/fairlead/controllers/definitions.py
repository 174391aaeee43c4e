"""Definitions that others installed: what an older Flux's lack, and whether they will do.

They are never changed. Flux's controllers may go on beside us or come back, and a definition has one owner: who
upgrades it also stores its objects in the new version, which the API server does not do by itself. All of Flux 2 serves
``v1``; a server drops the fields that its definition does not know. Older definitions serve no ``v1``, and will not
do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.api.names import VERSION
from fairlead.errors import NotReadyError
from fairlead.objects.manifest import labels_of, part
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.objects.manifest import Manifest

__all__ = ["API_VERSION", "OldDefinitionError", "check_served", "kept_note"]

API_VERSION = "v1"
_NAMED = 6
_TOLD = ("status.history", "status.inventory")
"""Of a status, what somebody would miss."""


class OldDefinitionError(NotReadyError):
    """The definition is of a Flux before 2.0; who runs it upgrades it first."""


def check_served(live: Manifest) -> None:
    """Raises :class:`OldDefinitionError` when a definition does not serve the version that we work with."""
    served = [str(version["name"]) for version in _versions(live) if version.get("served")]
    if API_VERSION not in served:
        raise OldDefinitionError(
            f"{ObjectRef.of(live)} serves {', '.join(served) or 'nothing'} and not {API_VERSION}: "
            "it is of a Flux before 2.0; upgrade Flux first (flux install, flux migrate), then run the command again"
        )


def kept_note(live: Manifest, ours: Manifest) -> str:
    """Whose a definition is, and which of our fields the server drops because of it."""
    version = labels_of(live).get(VERSION)
    note = f"installed by others{f', version {version}' if version else ''}"
    dropped = _missing(_schema(ours), _schema(live), ())
    missing = [path for path in dropped if path.startswith("spec.") or path in _TOLD]
    if not missing:
        return note
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return f"{note}; it drops {', '.join(missing[:_NAMED])}{more}"


def _missing(ours: dict[str, Any], theirs: dict[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """The fields of ours that theirs does not have, each without what is below it."""
    if theirs.get("x-kubernetes-preserve-unknown-fields"):
        return
    known = theirs.get("properties") or {}
    if not known and "additionalProperties" in theirs:
        return
    for name, schema in (ours.get("properties") or {}).items():
        if name not in known:
            yield ".".join((*path, name))
        else:
            yield from _missing(_element(schema), _element(known[name]), (*path, name + _brackets(schema)))


def _element(schema: dict[str, Any]) -> dict[str, Any]:
    return schema.get("items") or schema


def _brackets(schema: dict[str, Any]) -> str:
    return "[]" if "items" in schema else ""


def _schema(crd: Manifest) -> dict[str, Any]:
    for version in _versions(crd):
        if version["name"] == API_VERSION:
            schema: dict[str, Any] = (version.get("schema") or {}).get("openAPIV3Schema") or {}
            return schema
    return {}


def _versions(crd: Manifest) -> list[dict[str, Any]]:
    return part(crd, "spec").get("versions") or []
