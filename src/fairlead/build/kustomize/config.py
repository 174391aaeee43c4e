"""The transformer configuration: field specs per transformer, merged from the defaults, ``configurations`` and
``crds``.

Configuration accumulates upward: what a base declared holds in the overlays above it. Instances are immutable; merging
things that add nothing gives back the same object, which is by far the most frequent case.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fairlead.objects.yaml_reader import SIGS, read_documents

from .defaults import FIELDS, REFERENCES
from .errors import KustomizeError, prefixed
from .fieldpaths import FieldSpec
from .identity import Gvk, gvk_order
from .typed import CONFIG_SECTIONS, KUSTOMIZE_CONFIG, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["EMPTY", "Config", "Reference", "default_config", "merge_specs", "parse_config"]


class Reference(NamedTuple):
    """Fields that hold the name of resources of one kind."""

    target: Gvk
    specs: tuple[FieldSpec, ...]


class Config:
    """Field specs by section name, and references."""

    __slots__ = ("_by_kind", "references", "sections")

    def __init__(self, sections: Mapping[str, tuple[FieldSpec, ...]], references: tuple[Reference, ...]) -> None:
        self.sections: dict[str, tuple[FieldSpec, ...]] = {
            name: tuple(sorted(sections.get(name, ()), key=_by_gvk)) for name in CONFIG_SECTIONS
        }
        self.references = tuple(sorted(references, key=lambda reference: gvk_order(reference.target)))
        self._by_kind: dict[str, tuple[tuple[Gvk, FieldSpec], ...]] = {}

    def __getitem__(self, section: str) -> tuple[FieldSpec, ...]:
        return self.sections[section]

    def references_of(self, kind: str) -> tuple[tuple[Gvk, FieldSpec], ...]:
        """What resources of a kind may refer to, and where: (kind referred to, field)."""
        found = self._by_kind.get(kind)
        if found is None:
            found = self._by_kind[kind] = tuple(
                (reference.target, spec)
                for reference in self.references
                for spec in reference.specs
                if spec.gvk.kind in ("", kind)
            )
        return found

    def merge(self, other: Config) -> Config:
        """This configuration and another one; raises when they disagree about creating a field."""
        if other is self or other is EMPTY:
            return self
        if self is EMPTY and other is default_config():
            return other
        sections = {}
        for name in CONFIG_SECTIONS:
            with prefixed(f"failed to merge {_title(name)} fieldSpec"):
                sections[name] = merge_specs(self.sections[name], other.sections[name])
        with prefixed("failed to merge NameReference fieldSpec"):
            references = _merge_references(self.references, other.references)
        if references == self.references and all(sections[name] is self.sections[name] for name in CONFIG_SECTIONS):
            return self
        return Config(sections, references)


def _title(name: str) -> str:
    return "NameSpace" if name == "namespace" else name[0].upper() + name[1:]


def _by_gvk(spec: FieldSpec) -> tuple[int, str]:
    return gvk_order(spec.gvk)


def merge_specs(specs: tuple[FieldSpec, ...], more: Iterable[FieldSpec]) -> tuple[FieldSpec, ...]:
    """Adds what is not there yet; one that an existing, narrower one stands for is not added."""
    by_path: dict[str, list[FieldSpec]] = {}
    for spec in specs:
        by_path.setdefault(spec.path, []).append(spec)
    added: list[FieldSpec] = []
    for spec in more:
        known = next((one for one in by_path.get(spec.path, ()) if spec.gvk.fits(*one.gvk)), None)
        if known is None:
            by_path.setdefault(spec.path, []).append(spec)
            added.append(spec)
        elif known.create != spec.create:
            raise KustomizeError(f"conflicting fieldspecs: {spec.path} of {spec.gvk} is said to be created and not")
    return (*specs, *added) if added else specs


def _merge_references(one: tuple[Reference, ...], other: tuple[Reference, ...]) -> tuple[Reference, ...]:
    result = {reference.target: reference for reference in one}
    for reference in other:
        known = result.get(reference.target)
        specs = merge_specs(known.specs if known else (), reference.specs)
        result[reference.target] = Reference(reference.target, specs)
    return tuple(result.values())


EMPTY: Final = Config({}, ())


@cache
def default_config() -> Config:
    """What kustomize ships."""
    return Config(
        {name: tuple(_parse_lines(text)) for name, text in FIELDS.items()},
        tuple(Reference(_parse_kind(kind), tuple(_parse_lines(text))) for kind, text in REFERENCES.items()),
    )


def _parse_lines(text: str) -> Iterable[FieldSpec]:
    for line in text.strip().splitlines():
        path, _, kinds = line.partition(" | ")
        for kind in kinds.split():
            yield FieldSpec(_parse_kind(kind), path.removeprefix("+"), path.startswith("+"))


def _parse_kind(text: str) -> Gvk:
    text, _, version = text.partition("@")
    group, _, kind = text.rpartition("/")
    return Gvk(group, version, "" if kind == "*" else kind)


def parse_config(text: bytes, file: str) -> Config:
    """A file of ``configurations``; raises for unknown sections."""
    value = next(read_documents(text, SIGS, file=file), None)
    with prefixed("error unmarshaling JSON: while decoding JSON"):
        data = decode(KUSTOMIZE_CONFIG, value if value is not None else {}, strict=True)
    sections = {name: tuple(map(spec_from, data.get(name) or ())) for name in CONFIG_SECTIONS}
    references = tuple(
        Reference(_gvk(entry), tuple(map(spec_from, entry.get("fieldSpecs") or ())))
        for entry in data.get("nameReference") or ()
    )
    return Config(sections, references)


def spec_from(entry: Mapping[str, Any]) -> FieldSpec:
    return FieldSpec(_gvk(entry), entry.get("path", ""), entry.get("create", False))


def _gvk(entry: Mapping[str, Any]) -> Gvk:
    return Gvk(entry.get("group", ""), entry.get("version", ""), entry.get("kind", ""))
