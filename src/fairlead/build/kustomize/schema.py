"""How lists merge: the strategy and the merge keys that an OpenAPI document gives to fields.

The built-in document is Kubernetes 1.21.2, reduced to what matters for merging. A kustomization may name another one, which
replaces it wholly; it then also says which kinds have a namespace.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Protocol

from fairlead.objects.yaml_reader import SIGS, read_documents

from .errors import KustomizeError, prefixed
from .identity import CLUSTER_SCOPED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["BUILTIN_VERSION", "Document", "Schema", "builtin_document", "choose_document", "inline_schema"]

BUILTIN_VERSION: Final = "v1.21.2"
_NO_KEYS: Final[tuple[str, ...]] = ()
_MOST_REFERENCES: Final = 100


class Schema(Protocol):
    """What is known about one field."""

    @property
    def merges(self) -> bool:
        """Whether a list is merged item by item."""
        ...

    @property
    def keys(self) -> tuple[str, ...]:
        """The merge keys of a merged list's items; none for a list of scalars."""
        ...

    def field(self, name: str) -> Schema | None: ...

    def items(self) -> Schema | None: ...


class Document:
    """An OpenAPI document: schemas by type, and the kinds that are cluster-scoped."""

    __slots__ = ("_resolve", "_types", "scopes")

    def __init__(self, types: Mapping[tuple[str, str], Any], resolve: Any, scopes: frozenset[tuple[str, str]]) -> None:
        self._types = types
        self._resolve = resolve
        self.scopes = scopes

    def schema_of(self, api_version: str, kind: str) -> Schema | None:
        found = self._types.get((api_version, kind))
        return None if found is None else self._resolve(found)  # type: ignore[no-any-return]


class _Compact:
    """A field of the built-in document: ``{"ref": type}``, or ``{"list": type, "keys": […], "strategy": …}``."""

    __slots__ = ("_definitions", "_entry", "_known", "keys", "merges")

    def __init__(self, definitions: Mapping[str, Any], entry: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._entry = entry
        self.keys: tuple[str, ...] = tuple(entry.get("keys", _NO_KEYS))
        self.merges = "merge" in entry.get("strategy", "").split(",")
        self._known: dict[str, _Compact | None] = {}

    def field(self, name: str) -> _Compact | None:
        if name not in self._known:
            fields = self._definitions.get(self._entry.get("ref", ""), {})
            self._known[name] = _Compact(self._definitions, fields[name]) if name in fields else None
        return self._known[name]

    def items(self) -> _Compact | None:
        return self.field("[]") if "list" not in self._entry else self._item()

    def _item(self) -> _Compact | None:
        if "[]" not in self._known:
            self._known["[]"] = _Compact(self._definitions, {"ref": self._entry["list"]})
        return self._known["[]"]


@cache
def builtin_document() -> Document:
    """Kubernetes 1.21.2."""
    data = json.loads((files(__package__) / "data" / "merge-schema.json").read_bytes())
    definitions = data["definitions"]
    known: dict[str, _Compact] = {}

    def resolve(name: str) -> _Compact:
        if name not in known:
            known[name] = _Compact(definitions, {"ref": name})
        return known[name]

    types = {}
    for key, name in data["resources"].items():
        api_version, _, kind = key.partition("|")
        types[api_version, kind] = name
    return Document(types, resolve, CLUSTER_SCOPED)


class _OpenApi:
    """A field of a document that a user brought."""

    __slots__ = ("_definitions", "_schema")

    def __init__(self, definitions: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._schema = schema

    @property
    def merges(self) -> bool:
        return "merge" in str(self._schema.get("x-kubernetes-patch-strategy", "")).split(",")

    @property
    def keys(self) -> tuple[str, ...]:
        if "x-kubernetes-patch-strategy" not in self._schema:
            return ()
        keys = self._schema.get("x-kubernetes-list-map-keys")
        if isinstance(keys, list):
            return tuple(map(str, keys))
        key = self._schema.get("x-kubernetes-patch-merge-key")
        return (str(key),) if key is not None else ()

    def field(self, name: str) -> _OpenApi | None:
        properties = self._schema.get("properties")
        found = properties.get(name) if isinstance(properties, dict) else None
        if found is None:
            found = self._schema.get("additionalProperties")
        return self._resolved(found)

    def items(self) -> _OpenApi | None:
        return self._resolved(self._schema.get("items")) if self._schema.get("type") == "array" else None

    def _resolved(self, schema: Any) -> _OpenApi | None:
        """The schema behind a chain of references; ``None`` when the chain does not end."""
        for _ in range(_MOST_REFERENCES):
            if not isinstance(schema, dict):
                return None
            reference = schema.get("$ref")
            if not reference:
                return _OpenApi(self._definitions, schema)
            schema = self._definitions.get(str(reference).rpartition("/")[2])
        return None


def inline_schema(schema: Mapping[str, Any]) -> Schema | None:
    """A schema that stands in a comment behind a field; references lead into the built-in document."""
    if "$ref" in schema:
        return _Builtin.behind(schema)
    return _Builtin(schema)


class _Builtin(_OpenApi):
    """Like :class:`_OpenApi`, for items that refer to the built-in document."""

    __slots__ = ()

    def __init__(self, schema: Mapping[str, Any]) -> None:
        super().__init__({}, schema)

    @staticmethod
    def behind(schema: Any) -> Schema | None:
        reference = str(schema.get("$ref", "")) if isinstance(schema, dict) else ""
        if not reference:
            return None
        document = builtin_document()
        return document._resolve(reference.rpartition("/")[2])  # type: ignore[no-any-return]

    def items(self) -> Any:
        return self.behind(self._schema.get("items"))


def choose_document(openapi: Mapping[str, str], text: bytes | None) -> Document | None:
    """The document that a kustomization's ``openapi`` field asks for; ``None`` when it asks for nothing.

    ``text`` is the content of the file under ``path``.
    """
    version = openapi.get("version", "")
    if version and text is not None:
        raise KustomizeError("builtin version and custom schema provided, cannot use both")
    if version:
        if version not in (BUILTIN_VERSION, "kubernetesOpenAPIDefaultVersion"):
            raise KustomizeError(f"the specified OpenAPI version is not built in: {version}")
        return builtin_document()
    return None if text is None else parse_document(text)


def parse_document(text: bytes) -> Document:
    with prefixed("openapi"):
        value = next(read_documents(text, SIGS), None)
    definitions = value.get("definitions") if isinstance(value, dict) else None
    definitions = definitions if isinstance(definitions, dict) else {}
    types: dict[tuple[str, str], Any] = {}
    for schema in definitions.values():
        for api_version, kind in _kinds_of(schema):
            types[api_version, kind] = schema
    paths = value.get("paths") if isinstance(value, dict) else None
    scopes = frozenset(_cluster_scoped(paths)) if isinstance(paths, dict) else frozenset()
    return Document(types, lambda schema: _OpenApi(definitions, schema), CLUSTER_SCOPED | scopes)


def _kinds_of(schema: Any) -> Iterable[tuple[str, str]]:
    entries = schema.get("x-kubernetes-group-version-kind") if isinstance(schema, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            group, version = entry.get("group") or "", entry.get("version") or ""
            yield (f"{group}/{version}" if group else str(version)), str(entry.get("kind"))


def _cluster_scoped(paths: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Kinds whose objects live at a path without a namespace."""
    namespaced: set[tuple[str, str]] = set()
    cluster: set[tuple[str, str]] = set()
    for path, operations in paths.items():
        get = operations.get("get") if isinstance(operations, dict) else None
        kinds = get.get("x-kubernetes-group-version-kind") if isinstance(get, dict) else None
        if not isinstance(kinds, dict) or not path.endswith("/{name}"):
            continue
        group, version = kinds.get("group") or "", kinds.get("version") or ""
        key = (f"{group}/{version}" if group else str(version), str(kinds.get("kind")))
        (namespaced if "namespaces/{namespace}" in path else cluster).add(key)
    return cluster - namespaced
