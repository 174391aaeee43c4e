"""Rules for fields that others may change (`spec.ignore`): an autoscaler's replicas, an injected sidecar.

Such a path does not count when an object is compared with what it should be. When the object is written for another
reason, the field is left to the other manager if that one owns it by an apply; otherwise the live value is kept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.errors import InvalidSpecError
from fairlead.objects.diff import ABSENT
from fairlead.objects.fieldset import contains, entries
from fairlead.objects.selector import Selector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from fairlead.engine.drift import Managers
    from fairlead.objects.manifest import Manifest

__all__ = ["IgnoreRule", "IgnoreRules", "lookup", "with_values_of", "without_paths"]

Pointer = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """JSON pointers, and for which objects; no target means for all."""

    paths: tuple[str, ...]
    target: Selector | None = None


class IgnoreRules:
    """Compiled rules; raises ``InvalidSpecError`` for a pointer or a selector that cannot be read."""

    __slots__ = ("_rules",)

    def __init__(self, rules: Iterable[IgnoreRule] = ()) -> None:
        self._rules: list[tuple[Callable[[Mapping[str, Any]], bool], tuple[Pointer, ...]]] = [
            ((rule.target or Selector()).matcher(), tuple(_parse(path) for path in rule.paths)) for rule in rules
        ]

    def paths_for(self, manifest: Mapping[str, Any]) -> tuple[Pointer, ...]:
        """The paths to leave alone in this object."""
        return tuple(path for matches, paths in self._rules if matches(manifest) for path in paths)


def payload(
    desired: Manifest,
    live: Mapping[str, Any],
    answer: Mapping[str, Any],
    paths: Sequence[Pointer],
    managers: Managers,
) -> Manifest:
    """What to send when an object with ignored paths has to be written; `answer` is the dry run's."""
    result = desired
    for path in paths:
        value = lookup(live, path)
        if value == lookup(answer, path) and (value is ABSENT) == (lookup(answer, path) is ABSENT):
            continue
        if value is ABSENT or _owned_by_other(live, path, managers):
            result = _changed(result, path, ABSENT)
        else:
            result = _changed(result, path, value)
    return result


def without_paths(manifest: Mapping[str, Any], paths: Iterable[Pointer]) -> Manifest:
    """A copy without these paths."""
    result: Any = dict(manifest)
    for path in paths:
        result = _changed(result, path, ABSENT)
    return dict(result)


def with_values_of(live: Mapping[str, Any], manifest: Mapping[str, Any], paths: Iterable[Pointer]) -> Manifest:
    """A copy of the manifest with the live values at these paths."""
    result: Any = dict(manifest)
    for path in paths:
        result = _changed(result, path, lookup(live, path))
    return dict(result)


def lookup(value: Any, path: Pointer) -> Any:
    """What a path leads to; :data:`ABSENT` when it leads nowhere."""
    for step in path:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return ABSENT
    return value


def _parse(pointer: str) -> Pointer:
    if not pointer.startswith("/") or pointer == "/":
        raise InvalidSpecError(
            f"ignore path {pointer!r} is no JSON pointer to a field; write for example /spec/replicas"
        )
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/"))


def _changed(value: Any, path: Pointer, new: Any) -> Any:
    """A copy with the field at an existing path replaced (for :data:`ABSENT`: removed); the same when there is none."""
    step, rest = path[0], path[1:]
    if isinstance(value, dict) and step in value:
        if not rest and new is ABSENT:
            return {key: item for key, item in value.items() if key != step}
        return {**value, step: _changed(value[step], rest, new) if rest else new}
    if isinstance(value, list) and step.isdigit() and int(step) < len(value):
        index = int(step)
        if not rest and new is ABSENT:
            return value[:index] + value[index + 1 :]
        return [*value[:index], _changed(value[index], rest, new) if rest else new, *value[index + 1 :]]
    return value


def _owned_by_other(live: Mapping[str, Any], path: Pointer, managers: Managers) -> bool:
    """Whether another manager has applied the field; list items are found by the keys that their entry names."""
    for entry in entries(live):
        if entry.get("operation") != "Apply" or entry.get("subresource") or managers.is_own(entry):
            continue
        fields = entry.get("fieldsV1") or {}
        steps = _encoded(live, path, fields)
        if steps is not None and contains(fields, steps):
            return True
    return False


def _encoded(live: Mapping[str, Any], path: Pointer, fields: Mapping[str, Any]) -> list[str] | None:
    """A JSON pointer in the words of a field set; ``None`` when an index has no key there."""
    steps: list[str] = []
    value: Any = live
    node: Any = fields
    for step in path:
        encoded: str | None = f"f:{step}"
        if isinstance(value, list):
            item = lookup(value, (step,))
            keyed = (key for key in node if key.startswith("k:")) if isinstance(node, dict) else ()
            encoded = next((key for key in keyed if _matches(item, json.loads(key[2:]))), None)
        if encoded is None:
            return None
        steps.append(encoded)
        value = lookup(value, (step,))
        node = node.get(encoded) if isinstance(node, dict) else None
    return steps


def _matches(item: Any, keys: Mapping[str, Any]) -> bool:
    return isinstance(item, dict) and all(item.get(key) == value for key, value in keys.items())
