"""How lists merge: the strategy and the merge keys that an OpenAPI document gives to fields.

The built-in document is Kubernetes 1.21.2, reduced to what matters for merging. A kustomization may name another one,
which replaces it wholly; it then also says which kinds have a namespace.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Protocol

from fairlead.objects.yaml_reader import SIGS_LENIENT, read_documents

from .errors import KustomizeError, prefixed
from .identity import CLUSTER_SCOPED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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

    __slots__ = ("_resolve", "_types", "definition", "scopes")

    def __init__(
        self,
        types: Mapping[tuple[str, str], Any],
        resolve: Callable[[Any], Schema | None],
        scopes: frozenset[tuple[str, str]],
        definition: Callable[[str], Schema | None],
    ) -> None:
        self._types = types
        self._resolve = resolve
        self.scopes = scopes
        self.definition = definition
        """The schema of a definition's name."""

    def schema_of(self, api_version: str, kind: str) -> Schema | None:
        found = self._types.get((api_version, kind))
        return None if found is None else self._resolve(found)


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

    def resolve(name: str) -> _Compact | None:
        if name not in known and name in definitions:
            known[name] = _Compact(definitions, {"ref": name})
        return known.get(name)

    types = {}
    for key, name in data["resources"].items():
        api_version, _, kind = key.partition("|")
        types[api_version, kind] = name
    return Document(types, resolve, CLUSTER_SCOPED, resolve)


class _OpenApi:
    """A field of a document that a user brought."""

    __slots__ = ("_definitions", "_fallback", "_schema")

    def __init__(
        self, definitions: Mapping[str, Any], schema: Mapping[str, Any], fallback: Document | None = None
    ) -> None:
        self._definitions = definitions
        self._schema = schema
        self._fallback = fallback

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

    def field(self, name: str) -> Schema | None:
        properties = self._schema.get("properties")
        found = properties.get(name) if isinstance(properties, dict) else None
        if found is None:
            found = self._schema.get("additionalProperties")
        return self._resolved(found)

    def items(self) -> Schema | None:
        return self._resolved(self._schema.get("items")) if self._schema.get("type") == "array" else None

    def _resolved(self, schema: Any) -> Schema | None:
        """The schema behind a chain of references; ``None`` when the chain does not end."""
        for _ in range(_MOST_REFERENCES):
            if not isinstance(schema, dict):
                return None
            reference = schema.get("$ref")
            if not reference:
                return _OpenApi(self._definitions, schema, self._fallback)
            name = str(reference).rpartition("/")[2]
            builtin = self._fallback.definition(name) if self._fallback is not None else None
            if builtin is not None:
                return builtin
            schema = self._definitions.get(name)
        return None


def inline_schema(schema: Mapping[str, Any]) -> Schema | None:
    """A schema that stands in a comment behind a field; its references lead into the built-in document."""
    return _OpenApi({}, schema, builtin_document())._resolved(schema)


def choose_document(openapi: Mapping[str, str], text: bytes | None, *, with_builtin: bool) -> Document | None:
    """The document that a kustomization's ``openapi`` field asks for; ``None`` when it asks for nothing.

    ``text`` is the content of the file under ``path``. ``with_builtin`` adds what is built in, which wins.
    """
    version = openapi.get("version", "")
    if version and text is not None:
        raise KustomizeError("builtin version and custom schema provided, cannot use both")
    if version:
        if version not in (BUILTIN_VERSION, "kubernetesOpenAPIDefaultVersion"):
            raise KustomizeError(f"the specified OpenAPI version is not built in: {version}")
        return builtin_document()
    return None if text is None else parse_document(text, builtin_document() if with_builtin else None)


def parse_document(text: bytes, fallback: Document | None) -> Document:
    """A document that a user brought; what ``fallback`` knows comes first."""
    with prefixed("openapi"):
        value = next(read_documents(text, SIGS_LENIENT), None)
    definitions = value.get("definitions") if isinstance(value, dict) else None
    known: dict[str, Any] = definitions if isinstance(definitions, dict) else {}
    types: dict[tuple[str, str], Any] = {}
    for schema in known.values():
        for kind in _kinds_of(schema):
            types[kind] = _OpenApi(known, schema, fallback)
    for kind in fallback._types if fallback is not None else ():
        types[kind] = fallback.schema_of(*kind) if fallback is not None else None
    paths = value.get("paths") if isinstance(value, dict) else None
    scopes = frozenset(_cluster_scoped(paths)) if isinstance(paths, dict) else frozenset()

    def definition(name: str) -> Schema | None:
        found = known.get(name)
        return _OpenApi(known, found, fallback) if isinstance(found, dict) else None

    return Document(types, lambda schema: schema, CLUSTER_SCOPED | scopes, definition)


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
