"""Decodes the JSON of a kustomization into typed values, with the rules and the messages of Go's ``encoding/json``.

Field names match whatever their case, an unknown one is an error when asked for, null means "not there". The types of
all kustomization fields are tables here: a structure maps each field to its type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from fairlead.objects.yaml_scalars import format_float

from .errors import KustomizeError

__all__ = [
    "BOOL",
    "CONFIG_SECTIONS",
    "INT",
    "KUSTOMIZATION",
    "KUSTOMIZE_CONFIG",
    "STRING",
    "ListOf",
    "MapOf",
    "Struct",
    "decode",
]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A string, boolean or integer; ``go`` is how Go names it."""

    go: str


@dataclass(frozen=True, slots=True)
class ListOf:
    item: Any

    @property
    def go(self) -> str:
        return f"[]{self.item.go}"


@dataclass(frozen=True, slots=True)
class MapOf:
    item: Any

    @property
    def go(self) -> str:
        return f"map[string]{self.item.go}"


@dataclass(frozen=True, slots=True)
class Struct:
    """A map with known fields; the name is the one that Go prints."""

    name: str
    fields: dict[str, Any] = field(hash=False)

    @property
    def go(self) -> str:
        return f"types.{self.name}"

    def find(self, key: str) -> tuple[str, Any] | None:
        """The field of this name in any case, preferring the exact one."""
        if key in self.fields:
            return key, self.fields[key]
        lowered = key.casefold()
        return next(((name, kind) for name, kind in self.fields.items() if name.casefold() == lowered), None)


@dataclass(frozen=True, slots=True)
class Anything:
    go: str = "interface {}"


STRING: Final = Scalar("string")
BOOL: Final = Scalar("bool")
INT: Final = Scalar("int")
INT64: Final = Scalar("int64")
ANY: Final = Anything()


def decode(kind: Any, value: Any, *, strict: bool, coerce: bool = True) -> Any:
    """The value as the type says; absent fields are absent from the result. Raises the error that Go would print.

    ``strict`` refuses unknown fields; ``coerce`` takes numbers and booleans for texts where texts are wanted.
    """
    return _Decoder(strict, coerce).decode(kind, value, "", ())


@dataclass(frozen=True, slots=True)
class _Decoder:
    strict: bool
    coerce: bool

    def decode(self, kind: Any, value: Any, owner: str, path: tuple[str, ...]) -> Any:
        if value is None:
            return None
        if isinstance(kind, Struct):
            return self._struct(kind, value, owner, path)
        if isinstance(kind, ListOf):
            if not isinstance(value, list):
                raise _mismatch(kind, value, owner, path)
            items = [self.decode(kind.item, item, owner, path) for item in value]
            return [_zero(kind.item) if item is None else item for item in items]
        if isinstance(kind, MapOf):
            if not isinstance(value, dict):
                raise _mismatch(kind, value, owner, path)
            return {
                key: _zero(kind.item) if value[key] is None else self.decode(kind.item, value[key], owner, path)
                for key in sorted(value)
            }
        if isinstance(kind, Anything):
            return value
        return _decode_scalar(kind, value, self.coerce, owner, path)

    def _struct(self, kind: Struct, value: Any, owner: str, path: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _mismatch(kind, value, owner, path)
        result: dict[str, Any] = {}
        for key in sorted(value):
            found = kind.find(key)
            if found is None:
                if self.strict:
                    raise KustomizeError(f'json: unknown field "{key}"')
                continue
            name, field_kind = found
            decoded = self.decode(field_kind, value[key], kind.name, (*path, name))
            if decoded is not None:
                result[name] = decoded
        return result


def _text(value: bool | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else format_float(value, exponent_from=21)


def _decode_scalar(kind: Scalar, value: Any, coerce: bool, owner: str, path: tuple[str, ...]) -> Any:
    if kind is STRING and isinstance(value, str):
        return value
    if kind is STRING and coerce and isinstance(value, bool | int | float):
        return _text(value)
    if kind is BOOL and isinstance(value, bool):
        return value
    if kind in (INT, INT64) and isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _mismatch(kind, value, owner, path)


def _zero(kind: Any) -> Any:
    if isinstance(kind, Scalar):
        return {"string": "", "bool": False}.get(kind.go, 0)
    return {} if isinstance(kind, Struct | MapOf) else [] if isinstance(kind, ListOf) else None


def _mismatch(kind: Any, value: Any, owner: str, path: tuple[str, ...]) -> KustomizeError:
    if isinstance(value, bool):
        found = "bool"
    elif isinstance(value, int | float):
        found = f"number {value}" if kind in (INT, INT64) else "number"
    else:
        found = "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
    place = f"Go struct field {owner}.{'.'.join(path)}" if path else "Go value"
    return KustomizeError(f"json: cannot unmarshal {found} into {place} of type {kind.go}")


_GVK: Final = {"group": STRING, "version": STRING, "kind": STRING}
_RES_ID: Final = {**_GVK, "name": STRING, "namespace": STRING}
_META: Final = {"name": STRING, "namespace": STRING, "labels": MapOf(STRING), "annotations": MapOf(STRING)}
FIELD_SPEC: Final = Struct("FieldSpec", {**_GVK, "path": STRING, "create": BOOL})
SELECTOR: Final = Struct("Selector", {**_RES_ID, "annotationSelector": STRING, "labelSelector": STRING})
PATCH: Final = Struct(
    "Patch",
    {
        "path": STRING,
        "patch": STRING,
        "target": SELECTOR,
        "options": Struct("PatchArgs", {"allowNameChange": BOOL, "allowKindChange": BOOL}),
    },
)
LABEL: Final = Struct(
    "Label",
    {
        "pairs": MapOf(STRING),
        "includeSelectors": BOOL,
        "includeTemplates": BOOL,
        "includeVolumeClaimTemplates": BOOL,
        "fields": ListOf(FIELD_SPEC),
    },
)
IMAGE: Final = Struct(
    "Image", {"name": STRING, "newName": STRING, "tagSuffix": STRING, "newTag": STRING, "digest": STRING}
)
REPLICA: Final = Struct("Replica", {"name": STRING, "count": INT64})
_FIELD_OPTIONS: Final = Struct("FieldOptions", {"delimiter": STRING, "index": INT, "encoding": STRING, "create": BOOL})
REPLACEMENT_FIELDS: Final[dict[str, Any]] = {
    "source": Struct("SourceSelector", {**_RES_ID, "fieldPath": STRING, "options": _FIELD_OPTIONS}),
    "sourceValue": STRING,
    "targets": ListOf(
        Struct(
            "TargetSelector",
            {"select": SELECTOR, "reject": ListOf(SELECTOR), "fieldPaths": ListOf(STRING), "options": _FIELD_OPTIONS},
        )
    ),
}
REPLACEMENT: Final = Struct("Replacement", REPLACEMENT_FIELDS)
REPLACEMENT_FIELD: Final = Struct("ReplacementField", {**REPLACEMENT_FIELDS, "path": STRING})
VAR: Final = Struct(
    "Var",
    {
        "name": STRING,
        "objref": Struct("Target", {"apiVersion": STRING, **_RES_ID}),
        "fieldref": Struct("FieldSelector", {"fieldPath": STRING}),
    },
)
GENERATOR_OPTIONS: Final = Struct(
    "GeneratorOptions",
    {"labels": MapOf(STRING), "annotations": MapOf(STRING), "disableNameSuffixHash": BOOL, "immutable": BOOL},
)
GENERATOR_FIELDS: Final[dict[str, Any]] = {
    "name": STRING,
    "namespace": STRING,
    "behavior": STRING,
    "literals": ListOf(STRING),
    "files": ListOf(STRING),
    "envs": ListOf(STRING),
    "env": STRING,
    "options": GENERATOR_OPTIONS,
}
SECRET_FIELDS: Final[dict[str, Any]] = {**GENERATOR_FIELDS, "type": STRING}
SORT_OPTIONS: Final = Struct(
    "SortOptions",
    {
        "order": STRING,
        "legacySortOptions": Struct("LegacySortOptions", {"orderFirst": ListOf(STRING), "orderLast": ListOf(STRING)}),
    },
)
_HELM_GLOBALS: Final[dict[str, Any]] = {"chartHome": STRING, "configHome": STRING}
_HELM_CHART: Final[dict[str, Any]] = {
    **dict.fromkeys(
        [
            "name",
            "version",
            "repo",
            "releaseName",
            "namespace",
            "valuesFile",
            "valuesMerge",
            "nameTemplate",
            "kubeVersion",
        ],
        STRING,
    ),
    **dict.fromkeys(["includeCRDs", "skipHooks", "skipTests", "debug", "devel"], BOOL),
    "additionalValuesFiles": ListOf(STRING),
    "apiVersions": ListOf(STRING),
    "valuesInline": MapOf(ANY),
}
_HELM_ARGS: Final[dict[str, Any]] = {
    **dict.fromkeys(
        [
            "chartName",
            "chartVersion",
            "chartRepoUrl",
            "chartHome",
            "chartRepoName",
            "helmBin",
            "helmHome",
            "values",
            "releaseName",
            "releaseNamespace",
            "valuesMerge",
        ],
        STRING,
    ),
    "valuesLocal": MapOf(ANY),
    "extraArgs": ListOf(STRING),
}

KUSTOMIZATION: Final = Struct(
    "Kustomization",
    {
        "kind": STRING,
        "apiVersion": STRING,
        "metadata": Struct("ObjectMeta", _META),
        "openapi": MapOf(STRING),
        **dict.fromkeys(("namePrefix", "nameSuffix", "namespace"), STRING),
        "commonLabels": MapOf(STRING),
        "commonAnnotations": MapOf(STRING),
        "labels": ListOf(LABEL),
        "patchesStrategicMerge": ListOf(STRING),
        "patchesJson6902": ListOf(PATCH),
        "patches": ListOf(PATCH),
        "images": ListOf(IMAGE),
        "imageTags": ListOf(IMAGE),
        "replacements": ListOf(REPLACEMENT_FIELD),
        "replicas": ListOf(REPLICA),
        "vars": ListOf(VAR),
        "sortOptions": SORT_OPTIONS,
        **dict.fromkeys(
            [
                "resources",
                "components",
                "crds",
                "bases",
                "configurations",
                "generators",
                "transformers",
                "validators",
                "buildMetadata",
            ],
            ListOf(STRING),
        ),
        "configMapGenerator": ListOf(Struct("ConfigMapArgs", GENERATOR_FIELDS)),
        "secretGenerator": ListOf(Struct("SecretArgs", SECRET_FIELDS)),
        "generatorOptions": GENERATOR_OPTIONS,
        "helmGlobals": Struct("HelmGlobals", _HELM_GLOBALS),
        "helmCharts": ListOf(Struct("HelmChart", _HELM_CHART)),
        "helmChartInflationGenerator": ListOf(Struct("HelmChartArgs", _HELM_ARGS)),
    },
)

CONFIG_SECTIONS: Final = (
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "templateLabels",
    "commonAnnotations",
    "varReference",
    "images",
    "replicas",
)
"""Of a transformer configuration: each lists the fields that a transformer changes."""

KUSTOMIZE_CONFIG: Final = Struct(
    "TransformerConfig",
    {
        **dict.fromkeys(CONFIG_SECTIONS, ListOf(FIELD_SPEC)),
        "nameReference": ListOf(Struct("NameBackReferences", {**_GVK, "fieldSpecs": ListOf(FIELD_SPEC)})),
    },
)
