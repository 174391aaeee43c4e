"""Selectors of patches and replacements: regular expressions for names and kinds, expressions for labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from fairlead.errors import InvalidSpecError
from fairlead.objects.selector import parse_label_selector

from .errors import KustomizeError
from .regex import Pattern, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .identity import Identity

__all__ = ["Selector", "make_selector"]

_LONGEST_EXPRESSION: Final = 10_000


@dataclass(frozen=True, slots=True)
class Selector:
    """A compiled selector; an absent part fits all. Patterns are for the whole text."""

    group: Pattern | None
    version: Pattern | None
    kind: Pattern | None
    name: Pattern | None
    namespace: Pattern | None
    labels: Callable[[Mapping[str, str]], bool] | None
    annotations: Callable[[Mapping[str, str]], bool] | None

    @property
    def has_identity(self) -> bool:
        """Whether it says anything besides labels and annotations."""
        return any((self.group, self.version, self.kind, self.name, self.namespace))

    @property
    def has_expressions(self) -> bool:
        return self.labels is not None or self.annotations is not None

    def fits_kind(self, identity: Identity) -> bool:
        return (
            (self.kind is None or self.kind.fits(identity.kind))
            and (self.group is None or self.group.fits(identity.group))
            and (self.version is None or self.version.fits(identity.version))
        )

    def fits_name(self, name: str) -> bool:
        return self.name is None or self.name.fits(name)

    def fits_namespace(self, namespace: str) -> bool:
        return self.namespace is None or self.namespace.fits(namespace)

    def fits_labels(self, labels: Callable[[], Mapping[str, str]]) -> bool:
        return self.labels is None or self.labels(labels())

    def fits_annotations(self, annotations: Callable[[], Mapping[str, str]]) -> bool:
        return self.annotations is None or self.annotations(annotations())

    def fits_identity(self, identity: Identity) -> bool:
        """By the plain namespace, as replacements compare it."""
        return self.fits_kind(identity) and self.fits_name(identity.name) and self.fits_namespace(identity.namespace)


def make_selector(entry: Mapping[str, Any]) -> Selector:
    """Compiles the fields of a selector; raises :class:`KustomizeError` for a bad expression."""

    def pattern(key: str) -> Pattern | None:
        text = entry.get(key) or ""
        return compile_pattern(text, whole=True) if text else None

    return Selector(
        group=pattern("group"),
        version=pattern("version"),
        kind=pattern("kind"),
        name=pattern("name"),
        namespace=pattern("namespace"),
        labels=_expression(entry.get("labelSelector") or ""),
        annotations=_expression(entry.get("annotationSelector") or ""),
    )


@lru_cache(maxsize=512)
def _expression(text: str) -> Callable[[Mapping[str, str]], bool] | None:
    if not text:
        return None
    if len(text) > _LONGEST_EXPRESSION:
        raise KustomizeError(f"unable to parse requirement: the selector has {len(text)} characters")
    try:
        return parse_label_selector(text)
    except InvalidSpecError as error:
        raise KustomizeError(f"unable to parse requirement: {error}") from error
