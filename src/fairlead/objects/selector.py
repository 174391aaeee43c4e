"""Selectors: which objects a rule is for (`spec.ignore` and `spec.patches` speak the same language); label expressions.

Group, version, kind, name and namespace are regular expressions that must match the whole text; labels and annotations
are selected by expressions as kubectl takes them (``app=web,tier in (a, b),!legacy``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.errors import InvalidSpecError
from fairlead.objects.manifest import annotations_of, labels_of, metadata_of
from fairlead.objects.ref import GroupVersionKind
from fairlead.objects.regex import Pattern, PatternError, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Selector", "parse_label_selector"]

Requirement = tuple[str, str, frozenset[str]]

_SET_TERM = re.compile(r"^(?P<key>\S+)\s+(?P<op>in|notin)\s*\((?P<values>[^)]*)\)$")
_VALUE_TERM = re.compile(r"^(?P<key>[^\s=!]+)\s*(?P<op>==|=|!=)\s*(?P<value>\S*)$")
_NUMBER_TERM = re.compile(r"^(?P<key>[^\s<>]+)\s*(?P<op>[<>])\s*(?P<value>-?\d+)$")
_KEY_TERM = re.compile(r"^(?P<not>!?)\s*(?P<key>[^\s!=(),<>]+)$")


def parse_label_selector(text: str) -> Callable[[Mapping[str, str]], bool]:
    """A test for a map of labels; the empty selector is true for all. Raises ``InvalidSpecError``."""
    requirements = [_requirement(term.strip(), text) for term in _terms(text)]
    return lambda found: all(_holds(requirement, found) for requirement in requirements)


def _terms(text: str) -> list[str]:
    """Split at commas that are not inside parentheses."""
    return [term for term in re.split(r",(?![^(]*\))", text) if term.strip()]


def _requirement(term: str, whole: str) -> Requirement:
    if match := _SET_TERM.match(term):
        return match["key"], match["op"], frozenset(value.strip() for value in match["values"].split(","))
    if match := _VALUE_TERM.match(term):
        return match["key"], "notin" if match["op"] == "!=" else "in", frozenset({match["value"]})
    if match := _NUMBER_TERM.match(term):
        return match["key"], match["op"], frozenset({match["value"]})
    if match := _KEY_TERM.match(term):
        return match["key"], "absent" if match["not"] else "present", frozenset()
    raise InvalidSpecError(
        f"selector {whole!r} cannot be read at {term!r}; write for example app=web,tier in (a, b),!legacy"
    )


def _holds(requirement: Requirement, found: Mapping[str, str]) -> bool:
    key, operator, values = requirement
    match operator:
        case "in":
            return key in found and found[key] in values
        case "notin":
            return key not in found or found[key] not in values
        case "present":
            return key in found
        case "absent":
            return key not in found
        case _:
            try:
                number, limit = int(found[key]), int(next(iter(values)))
            except (KeyError, ValueError):
                return False
            return number > limit if operator == ">" else number < limit


@dataclass(frozen=True, slots=True)
class Selector:
    """Which objects something is for; an empty field does not restrict, an empty selector is for all."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    label_selector: str = ""
    annotation_selector: str = ""

    def matcher(self) -> Callable[[Mapping[str, Any]], bool]:
        """A compiled test for manifests; raises ``InvalidSpecError`` that names the bad field."""
        patterns = {
            field: self._compiled(field)
            for field in ("group", "version", "kind", "name", "namespace")
            if getattr(self, field)
        }
        by_label = parse_label_selector(self.label_selector)
        by_annotation = parse_label_selector(self.annotation_selector)

        def matches(manifest: Mapping[str, Any]) -> bool:
            gvk, meta = GroupVersionKind.of(manifest), metadata_of(manifest)
            values = {"group": gvk.group, "version": gvk.version, "kind": gvk.kind}
            values |= {"name": meta.get("name") or "", "namespace": meta.get("namespace") or ""}
            if not all(pattern.fits(values[field]) for field, pattern in patterns.items()):
                return False
            return by_label(labels_of(manifest)) and by_annotation(annotations_of(manifest))

        return matches

    def _compiled(self, field: str) -> Pattern:
        try:
            return compile_pattern(getattr(self, field), whole=True)
        except PatternError as error:
            raise InvalidSpecError(
                f"selector {field} {getattr(self, field)!r} is no regular expression: {error}"
            ) from error
