"""Subresources other than status: scale, tokens of service accounts, eviction, binding, finalize, logs."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from fairlead.localcluster.server.bodies import read_object
from fairlead.localcluster.server.deleting import DeleteOptions
from fairlead.localcluster.server.negotiate import Form
from fairlead.localcluster.server.pipeline import timestamp
from fairlead.localcluster.server.registry import Resource
from fairlead.localcluster.server.requests import WriteOptions
from fairlead.localcluster.server.respond import bytes_response, json_response
from fairlead.localcluster.server.serving import object_bytes, to_manifest
from fairlead.localcluster.status import StatusError, bad_request, invalid, not_allowed

if TYPE_CHECKING:
    from fairlead.localcluster.server.core import Core
    from fairlead.localcluster.server.requests import Route, UserInfo
    from fairlead.localcluster.server.tokens import TokenAuthority
    from fairlead.localcluster.storage import Stored

__all__ = ["Subresources"]

Manifest = dict[str, Any]


class Subresources:
    def __init__(self, core: Core, tokens: TokenAuthority) -> None:
        self._core = core
        self._tokens = tokens

    async def handle(
        self, request: web.BaseRequest, route: Route, resource: Resource, user: UserInfo
    ) -> web.StreamResponse:
        body = await request.read()
        if body and request.method != "PATCH":
            body = msgspec.json.encode(read_object(request, body, resource.kind))
        agent = request.headers.get("User-Agent", "")
        options = WriteOptions.parse(request.query, "UpdateOptions", user, agent)
        match route.subresource, request.method:
            case "scale", "GET":
                stored = self._core.pipeline.live(resource, route.namespace, route.name)
                return json_response(scale_of(resource, stored))
            case "scale", "PUT" | "PATCH":
                return self._set_scale(request, route, resource, body, options)
            case "token", "POST":
                return self._issue_token(route, resource, body)
            case "eviction", "POST":
                return self._evict(route, resource, options)
            case "binding", "POST":
                return self._bind(route, resource, body, options)
            case "finalize", "PUT":
                return self._finalize(route, resource, body, options)
            case "log", "GET":
                self._core.pipeline.live(resource, route.namespace, route.name)
                return web.Response(text="", content_type="text/plain")
            case "ephemeralcontainers" | "resize" | "approval", "GET" | "PUT" | "PATCH":
                raise StatusError(404, "NotFound", f"the local cluster does not serve {route.subresource}", {})
            case "exec" | "attach" | "portforward" | "proxy", _:
                raise StatusError(
                    501, "NotImplemented", f"the local cluster runs no containers: no {route.subresource}"
                )
            case _:
                raise not_allowed()

    def _set_scale(
        self, request: web.BaseRequest, route: Route, resource: Resource, body: bytes, options: WriteOptions
    ) -> web.Response:
        stored = self._core.pipeline.live(resource, route.namespace, route.name)
        before = scale_of(resource, stored)
        if request.method == "PUT":
            after = msgspec.json.decode(body)
        else:
            after = self._core.rules.patch(_SCALE, before, body, request.content_type)
        metadata = after.get("metadata") or {}
        self._core.pipeline.check_version(resource, stored, metadata)
        replicas = (after.get("spec") or {}).get("replicas", 0)
        if not isinstance(replicas, int) or replicas < 0:
            text = f"Invalid value: {replicas}: must be greater than or equal to 0"
            raise invalid("autoscaling", "Scale", route.name, [("FieldValueInvalid", text, "spec.replicas")])
        new = to_manifest(resource, stored.body)
        path = _paths(resource)["spec"]
        _write(new, path, replicas)
        owned = settle_owners(new, path, replicas)
        written = self._core.pipeline.replace(resource, stored, new, options, subresource="scale", owned=owned)
        return json_response(scale_of(resource, written.stored))

    def _issue_token(self, route: Route, resource: Resource, body: bytes) -> web.Response:
        account = to_manifest(resource, self._core.pipeline.live(resource, route.namespace, route.name).body)
        wanted: Manifest = msgspec.json.decode(body) if body else {}
        spec = wanted.get("spec") or {}
        seconds = int(spec.get("expirationSeconds") or 3600)
        if seconds < 600:
            text = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes"
            causes = [("FieldValueInvalid", text, "spec.expirationSeconds")]
            raise invalid("authentication.k8s.io", "TokenRequest", "", causes)
        token, ends = self._tokens.issue(account, spec.get("audiences") or [], seconds, spec.get("boundObjectRef"))
        claims = self._tokens.claims(token) or {}
        when = datetime.datetime.fromtimestamp(ends, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": route.name, "namespace": route.namespace, "creationTimestamp": timestamp()},
            "spec": {
                "audiences": claims.get("aud", []),
                "expirationSeconds": seconds,
                "boundObjectRef": spec.get("boundObjectRef"),
            },
            "status": {"token": token, "expirationTimestamp": when},
        }
        return json_response(answer, status=201)

    def _evict(self, route: Route, resource: Resource, options: WriteOptions) -> web.Response:
        stored = self._core.pipeline.live(resource, route.namespace, route.name)
        self._core.deleter.delete(resource, stored, DeleteOptions(), options)
        return json_response(_success(201), status=201)

    def _bind(self, route: Route, resource: Resource, body: bytes, options: WriteOptions) -> web.Response:
        target = (msgspec.json.decode(body).get("target") or {}).get("name")
        if not target:
            raise bad_request("a binding must name its target node")
        stored = self._core.pipeline.live(resource, route.namespace, route.name)
        pod = to_manifest(resource, stored.body)
        pod["spec"]["nodeName"] = target
        self._core.pipeline.write_system(resource, pod, stored, options)
        return json_response(_success(201), status=201)

    def _finalize(self, route: Route, resource: Resource, body: bytes, options: WriteOptions) -> web.Response:
        stored = self._core.pipeline.live(resource, "", route.name)
        live = to_manifest(resource, stored.body)
        wanted = msgspec.json.decode(body)
        self._core.pipeline.check_version(resource, stored, wanted.get("metadata") or {})
        finalizers = (wanted.get("spec") or {}).get("finalizers") or []
        live["spec"] = {"finalizers": finalizers} if finalizers else {}
        written = self._core.pipeline.replace(resource, stored, live, options, subresource="finalize")
        return bytes_response(object_bytes(resource, written.stored, Form()))


def _success(code: int) -> Manifest:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": code}


_SCALE = Resource("autoscaling", "v1", "scales", "scale", "Scale", True, [])
_BUILTIN_PATHS = {"spec": "spec.replicas", "status": "status.replicas", "selector": "spec.selector"}


def _paths(resource: Resource) -> dict[str, str]:
    if resource.custom is None:
        return _BUILTIN_PATHS
    given = resource.custom.scale or {}
    return {
        "spec": given.get("specReplicasPath", ".spec.replicas").lstrip("."),
        "status": given.get("statusReplicasPath", ".status.replicas").lstrip("."),
        "selector": given.get("labelSelectorPath", "").lstrip("."),
    }


def _read(obj: Manifest, path: str) -> Any:
    node: Any = obj
    for part in path.split(".") if path else []:
        node = node.get(part) if isinstance(node, dict) else None
    return node if path else None


def _write(obj: Manifest, path: str, value: int) -> None:
    *parents, last = path.split(".")
    node = obj
    for part in parents:
        node = node.setdefault(part, {})
    node[last] = value


def settle_owners(obj: Manifest, path: str, replicas: int) -> bool:
    """Whether the owners of ``replicas`` are settled without counting who scales, in place.

    The real server keeps owners on the scale object, which omits a zero: scaling to zero takes the field from all its
    owners, and a field that nobody owns stays so.
    """
    parents = [f"f:{part}" for part in path.split(".")]
    owners = [
        fields
        for entry in obj["metadata"].get("managedFields") or []
        if parents[-1] in (fields := _below(entry.get("fieldsV1") or {}, parents[:-1]))
    ]
    if replicas == 0:
        for fields in owners:
            del fields[parents[-1]]
        obj["metadata"]["managedFields"] = [
            entry for entry in obj["metadata"].get("managedFields") or [] if _owns_anything(entry["fieldsV1"])
        ]
    return replicas == 0 or not owners


def _below(fields: Manifest, path: list[str]) -> Manifest:
    for part in path:
        fields = fields.get(part) or {}
    return fields


def _owns_anything(fields: Manifest) -> bool:
    return any(not below or _owns_anything(below) for below in fields.values())


def scale_of(resource: Resource, stored: Stored) -> Manifest:
    """The scale of an object, as the real server shows it."""
    obj = to_manifest(resource, stored.body)
    paths = _paths(resource)
    metadata = {
        key: obj["metadata"][key]
        for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        if key in obj["metadata"]
    }
    status: Manifest = {"replicas": _read(obj, paths["status"]) or 0}
    selector = _read(obj, paths["selector"])
    if isinstance(selector, dict):
        status["selector"] = selector_text(selector)
    elif selector:
        status["selector"] = str(selector)
    spec = {"replicas": replicas} if (replicas := _read(obj, paths["spec"])) else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status}


def selector_text(selector: Manifest) -> str:
    """A label selector in the form of a query: ``app=web,tier in (a,b)``."""
    labels = selector.get("matchLabels", {} if "matchExpressions" in selector else selector) or {}
    terms = [f"{key}={value}" for key, value in sorted(labels.items())]
    for one in selector.get("matchExpressions") or []:
        values = ",".join(sorted(one.get("values") or []))
        match one["operator"]:
            case "In":
                terms.append(f"{one['key']} in ({values})")
            case "NotIn":
                terms.append(f"{one['key']} notin ({values})")
            case "Exists":
                terms.append(one["key"])
            case _:
                terms.append(f"!{one['key']}")
    return ",".join(terms)
