"""OpenAPI v3: an index, and one document per group and version, made when it is asked for.

The documents hold what clients read: the schemas of all kinds (``kubectl explain``), and the paths with their kinds and
query parameters (how ``kubectl apply`` learns that the server validates fields).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.localcluster.schema import data

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.localcluster.server.registry import Registry, Resource

__all__ = ["OpenApi"]

Manifest = dict[str, Any]

_REF = "#/components/schemas/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_WRITES = ("dryRun", "fieldManager", "fieldValidation")
_PATCHES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
_METHODS = {"get": "get", "put": "update", "patch": "patch", "delete": "delete"}


class OpenApi:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._documents: dict[str, tuple[int, bytes]] = {}

    def index(self) -> Manifest:
        """Every document with an address that changes when its content changes."""
        paths = {}
        for path in sorted({_path(one) for one in self._registry.all()}):
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={self._hash(path)}"}
        return {"paths": paths}

    def _hash(self, path: str) -> str:
        """Built-in groups never change; custom ones change with the registry."""
        group = path.split("/")[1] if path.startswith("apis/") else ""
        revision = 0 if self._registry.is_builtin_group(group) else self._registry.revision
        return hashlib.sha256(f"{path} {revision}".encode()).hexdigest().upper()

    def document(self, path: str) -> bytes | None:
        known = self._documents.get(path)
        if known is None or known[0] != self._registry.revision:
            served = [one for one in self._registry.all() if _path(one) == path]
            if not served:
                return None
            known = (self._registry.revision, msgspec.json.encode(_document(served)))
            self._documents[path] = known
        return known[1]


def _path(resource: Resource) -> str:
    return f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"


def _document(served: list[Resource]) -> Manifest:
    schemas: dict[str, Manifest] = {}
    paths: dict[str, Manifest] = {}
    for resource in served:
        name = _schema_name(resource)
        if resource.custom is not None:
            schemas[name] = _custom_schema(resource)
        _collect(name, schemas)
        paths.update(_paths(resource, name))
    for extra in ("DeleteOptions", "Status", "Patch", "WatchEvent"):
        _collect(f"{_META}.{extra}", schemas)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.35.4"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _schema_name(resource: Resource) -> str:
    if resource.custom is None:
        return data.kinds()[resource.group, resource.version, resource.kind]
    return f"{'.'.join(reversed(resource.group.split('.')))}.{resource.version}.{resource.kind}"


def _custom_schema(resource: Resource) -> Manifest:
    given = resource.custom.schema if resource.custom else None
    schema: Manifest = dict(given or {"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    schema["properties"] = {
        **(schema.get("properties") or {}),
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"allOf": [{"$ref": f"{_REF}{_META}.ObjectMeta"}]},
    }
    schema["x-kubernetes-group-version-kind"] = [_gvk(resource)]
    return schema


def _gvk(resource: Resource) -> Manifest:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _collect(name: str, schemas: dict[str, Manifest]) -> None:
    """A component and all that it refers to."""
    waiting = [name]
    while waiting:
        current = waiting.pop()
        schema = schemas.get(current) or data.components().get(current)
        if schema is None:
            continue
        schemas[current] = schema
        waiting.extend(one for one in _references(schema) if one not in schemas)


def _references(node: Any) -> Iterable[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix(_REF)
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


def _paths(resource: Resource, schema: str) -> dict[str, Manifest]:
    root = f"/{_path(resource)}"
    scope = f"{root}/namespaces/{{namespace}}" if resource.namespaced else root
    collection: Manifest = {}
    if "list" in resource.verbs:
        collection["get"] = _operation(resource, schema, "list", ())
    if "create" in resource.verbs:
        collection["post"] = _operation(resource, schema, "post", _WRITES)
    if "deletecollection" in resource.verbs:
        collection["delete"] = _operation(resource, schema, "deletecollection", ("dryRun",))
    paths = {f"{scope}/{resource.plural}": collection}
    one: Manifest = {}
    for method, verb in _METHODS.items():
        if verb in resource.verbs:
            parameters = {"put": _WRITES, "patch": (*_WRITES, "force"), "delete": ("dryRun",)}.get(method, ())
            one[method] = _operation(resource, schema, method, parameters)
    if one:
        paths[f"{scope}/{resource.plural}/{{name}}"] = one
    if resource.has_status:
        status = {key: value for key, value in one.items() if key in ("get", "put", "patch")}
        paths[f"{scope}/{resource.plural}/{{name}}/status"] = status
    return paths


def _operation(resource: Resource, schema: str, action: str, parameters: tuple[str, ...]) -> Manifest:
    content = {"application/json": {"schema": {"$ref": f"{_REF}{schema}"}}}
    operation: Manifest = {
        "tags": [resource.api_version.replace("/", "_").replace(".", "_")],
        "operationId": f"{action}{resource.version.capitalize()}{resource.kind}",
        "parameters": [_parameter(name) for name in parameters],
        "responses": {"200": {"description": "OK", "content": content}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(resource),
    }
    if action in ("post", "put"):
        operation["requestBody"] = {"content": {"*/*": {"schema": {"$ref": f"{_REF}{schema}"}}}, "required": True}
    elif action == "patch":
        types = _PATCHES if resource.custom is None else _PATCHES[:3]
        body = {"schema": {"$ref": f"{_REF}{_META}.Patch"}}
        operation["requestBody"] = {"content": dict.fromkeys(types, body), "required": True}
    return operation


def _parameter(name: str) -> Manifest:
    kind = "boolean" if name == "force" else "string"
    return {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}
