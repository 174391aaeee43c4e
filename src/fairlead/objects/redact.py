"""Keeps the values of Secrets out of everything that a person, a log or another program may read.

Two ways, used together: the values of a Secret are masked in the object before it is compared or shown, and texts that
come from a server (which likes to quote what it refuses) are searched for every value that is known to be secret.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any

from fairlead.objects.diff import ABSENT, FieldChange
from fairlead.objects.manifest import LAST_APPLIED, is_secret, part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MASK", "MASK_AFTER", "MASK_BEFORE", "Redactor", "mask", "mask_changes", "secret_values"]

MASK = "***"
MASK_BEFORE = "*** (before)"
MASK_AFTER = "*** (after)"

_VALUE_FIELDS = ("data", "stringData")
# How API servers quote a value: `Invalid value: "x":`, `got &value.valueUnstructured{Value:"x"}`, `Value: x}`.
_QUOTED_VALUES = re.compile(
    r"""((?:Invalid|Unsupported|Duplicate) value: )(?:"(?:[^"\\]|\\.)*"|[^:\s]+)"""
    r"""|(Value:\s*)(?:"(?:[^"\\]|\\.)*"|[^}\s]+)"""
)


def mask(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A copy that may be shown: a Secret's values are replaced, also inside kubectl's last-applied annotation."""
    if not is_secret(manifest):
        return dict(manifest)
    shown = dict(manifest)
    for field in _VALUE_FIELDS:
        if isinstance(shown.get(field), dict):
            shown[field] = dict.fromkeys(shown[field], MASK)
    if LAST_APPLIED in part(shown, "metadata", "annotations"):
        meta = dict(shown["metadata"])
        meta["annotations"] = {**meta["annotations"], LAST_APPLIED: MASK}
        shown["metadata"] = meta
    return shown


def mask_changes(manifest: Mapping[str, Any], changes: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
    """Changes that may be shown: for a Secret the fields are named and say whether they differ, without any value."""
    if not is_secret(manifest):
        return tuple(changes)
    return tuple(_masked(change) if _holds_value(change.path) else change for change in changes)


def _holds_value(path: str) -> bool:
    return path.startswith(_VALUE_FIELDS) or LAST_APPLIED in path


def _masked(change: FieldChange) -> FieldChange:
    if change.before is ABSENT:
        return FieldChange(change.path, ABSENT, _mask_leaves(change.after, MASK))
    if change.after is ABSENT:
        return FieldChange(change.path, _mask_leaves(change.before, MASK), ABSENT)
    return FieldChange(change.path, _mask_leaves(change.before, MASK_BEFORE), _mask_leaves(change.after, MASK_AFTER))


def _mask_leaves(value: Any, text: str) -> Any:
    return {key: _mask_leaves(item, text) for key, item in value.items()} if isinstance(value, dict) else text


def secret_values(manifest: Mapping[str, Any]) -> set[str]:
    """Every form in which a Secret's values may appear in a text: as written, and decoded from base64."""
    found: set[str] = set()
    if not is_secret(manifest):
        return found
    for field in _VALUE_FIELDS:
        for value in part(manifest, field).values():
            if value is None or isinstance(value, dict | list):
                found.add(json.dumps(value))
                continue
            found.add(str(value))
            if field == "data" and isinstance(value, str):
                found |= _decoded(value)
    return {value for value in found if value.strip()}


def _decoded(value: str) -> set[str]:
    try:
        text = base64.b64decode("".join(value.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return set()
    return {text, *(line for line in text.splitlines() if len(line.strip()) > 3)}


class Redactor:
    """Removes a known set of secret values from texts; cheap to keep, and says nothing about them in its ``repr``."""

    __slots__ = ("_pattern",)

    def __init__(self, values: Iterable[str] = ()) -> None:
        spellings = {spelling for value in values if value.strip() for spelling in _spellings(value)}
        longest_first = sorted(spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(_bounded(text) for text in longest_first)) if longest_first else None

    @classmethod
    def of(cls, manifests: Iterable[Mapping[str, Any]], values: Iterable[str] = ()) -> Redactor:
        """For the Secrets among the manifests, and for further values such as variables that came from a Secret."""
        found = set(values)
        for manifest in manifests:
            found |= secret_values(manifest)
        return cls(found)

    def text(self, message: str, *, about: Mapping[str, Any] | None = None) -> str:
        """The message without secrets; a message about a Secret also loses every value that a server quotes in it."""
        if about is not None and is_secret(about):
            message = _QUOTED_VALUES.sub(lambda found: f"{found[1] or found[2]}{MASK}", message)
            message = Redactor(secret_values(about))._replace(message)
        return self._replace(message)

    def _replace(self, message: str) -> str:
        return self._pattern.sub(MASK, message) if self._pattern else message

    def __repr__(self) -> str:
        return "Redactor(...)"


def _spellings(value: str) -> set[str]:
    """A value as it is, and as JSON and Go quote it."""
    return {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], value.strip()}


def _bounded(text: str) -> str:
    """Short values are found only as whole words, so that a password of one letter does not blacken every message."""
    pattern = re.escape(text)
    return pattern if len(text) > 3 else rf"(?<!\w){pattern}(?!\w)"
