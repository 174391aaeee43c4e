"""Flux's own kinds in versions that it no longer serves: what files of earlier years say, in today's words.

Flux had no conversion between versions but the renaming: the fields kept their meaning, and the few that are gone had
lost their effect (``validation``, ``gitImplementation``) or have a successor (the two older kinds of patches).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.objects.manifest import Manifest, part
from fairlead.objects.ref import GroupVersionKind
from fairlead.objects.yaml import dump

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["in_todays_version"]

_Spec = dict[str, Any]


def in_todays_version(manifest: Manifest) -> Manifest | None:
    """The same in ``v1``; ``None`` for everything but a Kustomization or GitRepository in an old version."""
    if manifest.get("apiVersion") not in _OLD:  # nearly all
        return None
    kind = GroupVersionKind.of(manifest)
    converter = _CONVERTERS.get((kind.group, kind.kind))
    if converter is None:
        return None
    converted = {**manifest, "apiVersion": f"{kind.group}/v1"}
    if isinstance(manifest.get("spec"), dict):
        converted["spec"] = converter(part(manifest, "spec"))
    return converted


def _kustomization(spec: _Spec) -> _Spec:
    new = {field: value for field, value in spec.items() if field not in _KUSTOMIZATION_GONE}
    # The order in which kustomize has always applied the three.
    patches = [
        *({"patch": dump(patch)} for patch in _list(spec, "patchesStrategicMerge")),
        *_list(spec, "patches"),
        *(_json_patch(patch) for patch in _list(spec, "patchesJson6902")),
    ]
    if patches:
        new["patches"] = patches
    if checks := _list(spec, "healthChecks"):
        new["healthChecks"] = [
            {"apiVersion": "apps/v1", **check} if isinstance(check, dict) else check for check in checks
        ]
    return new


def _json_patch(patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    operations = patch.get("patch")
    text = operations if isinstance(operations, str) else dump(operations)
    return {**{field: value for field, value in patch.items() if field == "target"}, "patch": text}


def _git_repository(spec: _Spec) -> _Spec:
    return {field: value for field, value in spec.items() if field not in _GIT_REPOSITORY_GONE}


def _list(spec: _Spec, field: str) -> list[Any]:
    """Nothing where there is no list."""
    value = spec.get(field)
    return value if isinstance(value, list) else []


_KUSTOMIZATION_GONE = frozenset({"validation", "patchesStrategicMerge", "patchesJson6902"})
_GIT_REPOSITORY_GONE = frozenset({"gitImplementation", "accessFrom"})
_CONVERTERS: Mapping[tuple[str, str], Callable[[_Spec], _Spec]] = {
    ("kustomize.toolkit.fluxcd.io", "Kustomization"): _kustomization,
    ("source.toolkit.fluxcd.io", "GitRepository"): _git_repository,
}
_OLD = frozenset(f"{group}/{version}" for group, _ in _CONVERTERS for version in ("v1beta1", "v1beta2"))
