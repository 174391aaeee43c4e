"""The difference of two manifests as a list of fields: what a person reads, not what a machine patches.

Lists are compared by the keys that Kubernetes merges them by (a container by its name, a port by number and protocol)
when every item has them; otherwise by position. What the server keeps for itself (managed fields, resource version,
status) is not compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fairlead.objects.manifest import annotations_of, labels_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ABSENT", "FieldChange", "diff_manifests", "diff_values", "same_content"]


class _Absent:
    """Stands for a field that is not there; differs from a null."""

    def __repr__(self) -> str:
        return "<absent>"


ABSENT: Final = _Absent()

# Tried in this order: a list is keyed by the first of these that every item of both sides has, uniquely.
_MERGE_KEYS: tuple[tuple[str, ...], ...] = (
    ("containerPort", "protocol"),
    ("port", "protocol"),
    ("mountPath",),
    ("devicePath",),
    ("name",),
    ("type",),
    ("key",),
    ("topologyKey", "whenUnsatisfiable"),
    ("ip",),
    ("uid",),
    ("port",),
)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field; `before` or `after` is :data:`ABSENT` when the field was added or removed."""

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return self.path


def diff_manifests(live: Mapping[str, Any], desired: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Where `desired` differs from `live`: labels, annotations and everything outside metadata and status."""
    changes: list[FieldChange] = []
    changes += _diff(labels_of(live), labels_of(desired), "metadata.labels")
    changes += _diff(annotations_of(live), annotations_of(desired), "metadata.annotations")
    changes += _diff(_content(live), _content(desired), "")
    return tuple(changes)


def diff_values(before: Any, after: Any, path: str = "") -> tuple[FieldChange, ...]:
    return tuple(_diff(before, after, path))


def same_content(live: Mapping[str, Any], desired: Mapping[str, Any]) -> bool:
    """Flux's test for drift: equal labels, annotations and everything outside metadata and status."""
    return (
        labels_of(live) == labels_of(desired)
        and annotations_of(live) == annotations_of(desired)
        and _content(live) == _content(desired)
    )


def _content(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind", "metadata", "status")}


def _diff(before: Any, after: Any, path: str) -> Iterator[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _diff_maps(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _diff_lists(before, after, path)
    elif type(before) is not type(after) or before != after:
        yield FieldChange(path, before, after)


def _diff_maps(before: dict[str, Any], after: dict[str, Any], path: str) -> Iterator[FieldChange]:
    for key in sorted({*before, *after}):
        yield from _diff(before.get(key, ABSENT), after.get(key, ABSENT), _field_path(path, key))


def _field_path(path: str, key: str) -> str:
    if "." in key or "/" in key:
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def _diff_lists(before: list[Any], after: list[Any], path: str) -> Iterator[FieldChange]:
    if before == after:
        return
    keyed = _keyed(before, after)
    if keyed is None:
        for index in range(max(len(before), len(after))):
            old = before[index] if index < len(before) else ABSENT
            new = after[index] if index < len(after) else ABSENT
            yield from _diff(old, new, f"{path}[{index}]")
        return
    old_items, new_items = keyed
    changed = False
    for key in [*old_items, *(key for key in new_items if key not in old_items)]:
        for change in _diff(old_items.get(key, ABSENT), new_items.get(key, ABSENT), f"{path}[{key}]"):
            changed = True
            yield change
    if not changed:
        yield FieldChange(path, before, after)


def _keyed(before: list[Any], after: list[Any]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Both lists by the first merge key that fits every item; ``None`` when none does."""
    items = [*before, *after]
    if not all(isinstance(item, dict) for item in items):
        return None
    for keys in _MERGE_KEYS:
        if all(keys[0] in item and not isinstance(item[keys[0]], dict | list) for item in items):
            old = {_key_text(keys, item): item for item in before}
            new = {_key_text(keys, item): item for item in after}
            if len(old) == len(before) and len(new) == len(after):
                return old, new
    return None


def _key_text(keys: tuple[str, ...], item: dict[str, Any]) -> str:
    return ",".join(f"{key}={item[key]}" for key in keys if key in item)
