"""Field specs that follow from ``crds``: OpenAPI definitions of types, with marks on their properties."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from fairlead.objects.yaml_reader import SIGS_LENIENT, YamlError, read_documents

from .config import Config, Reference
from .errors import KustomizeError
from .fieldpaths import FieldSpec
from .identity import Gvk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["config_from_crds"]

_MOST_PROPERTIES: Final = 50_000
_DEEPEST: Final = 50
_MARKS: Final = {
    "x-kubernetes-annotation": "commonAnnotations",
    "x-kubernetes-label-selector": "commonLabels",
    "x-kubernetes-identity": "namePrefix",
}
_VERSION: Final = "x-kubernetes-object-ref-api-version"
_KIND: Final = "x-kubernetes-object-ref-kind"
_NAME_KEY: Final = "x-kubernetes-object-ref-name-key"


def config_from_crds(text: bytes, path: str) -> Config:
    """The configuration that a file of type definitions implies."""
    try:
        types = json.loads(text) if text[:1] == b"{" else next(read_documents(text, SIGS_LENIENT, file=path), None)
    except (ValueError, RecursionError, YamlError) as error:
        raise KustomizeError(f"unable to parse open API definition from '{path}': {error}") from error
    if not isinstance(types, dict):
        raise KustomizeError(f"unable to parse open API definition from '{path}': no map of types")
    sections: dict[str, dict[FieldSpec, None]] = {}
    references: dict[Gvk, dict[FieldSpec, None]] = {}
    for name in sorted(types):
        properties = _properties(types, name)
        if all(key in properties for key in ("kind", "apiVersion", "metadata")):
            gvk = Gvk(kind=name.rpartition(".")[2])
            for count, (section, target, spec) in enumerate(_specs(types, (name,), gvk, ())):
                if count > _MOST_PROPERTIES:
                    raise KustomizeError(f"crds: type {name} in '{path}' has too many properties")
                place = references.setdefault(target, {}) if target is not None else sections.setdefault(section, {})
                place[spec] = None
    return Config(
        {section: tuple(specs) for section, specs in sections.items()},
        tuple(Reference(target, tuple(specs)) for target, specs in references.items()),
    )


def _properties(types: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    definition = types.get(name)
    schema = definition.get("Schema", definition.get("schema")) if isinstance(definition, dict) else None
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return properties if isinstance(properties, dict) else {}


def _specs(
    types: Mapping[str, Any], chain: tuple[str, ...], gvk: Gvk, path: tuple[str, ...]
) -> Iterable[tuple[str, Gvk | None, FieldSpec]]:
    """What the marks on a type's properties say: section, or kind referred to, and the field."""
    for key, marks in sorted(_properties(types, chain[-1]).items()):
        if not isinstance(marks, dict):
            continue
        here = (*path, key)
        for mark, section in _MARKS.items():
            if isinstance(marks.get(mark), str):
                yield section, None, FieldSpec(gvk, "/".join(here))
        if isinstance(marks.get(_VERSION), str) and isinstance(marks.get(_KIND), str):
            name_key = marks.get(_NAME_KEY)
            target = Gvk(version=marks[_VERSION], kind=marks[_KIND])
            field = (*here, name_key if isinstance(name_key, str) else "name")
            yield "", target, FieldSpec(gvk, "/".join(field))
        reference = marks.get("$ref")
        if isinstance(reference, str):
            if reference in chain or len(chain) > _DEEPEST:
                raise KustomizeError(f"crds: type {reference} refers to itself without end")
            yield from _specs(types, (*chain, reference), gvk, here)
