"""An API server in the small, whose failures are written into the test.

It serves discovery, get, list (paged), create, replace, merge patch, a simple form of apply, delete and watch for the
kinds that it is told of, from memory. It does not validate, default or own fields: for that there are the local cluster
and the real server. What it is for are the bad days: see :meth:`FakeApi.fail` and the methods on watches.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from aiohttp import web

from fairlead.kube.config import ClusterConfig

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

Manifest = dict[str, Any]


class Kind(NamedTuple):
    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


BUILTIN = (
    Kind("", "v1", "ConfigMap", "configmaps", short_names=("cm",)),
    Kind("", "v1", "Secret", "secrets"),
    Kind("", "v1", "Event", "events"),
    Kind("", "v1", "Namespace", "namespaces", namespaced=False, short_names=("ns",)),
    Kind("apps", "v1", "Deployment", "deployments", short_names=("deploy",)),
    Kind("coordination.k8s.io", "v1", "Lease", "leases"),
)


@dataclass
class Failure:
    """What happens instead of an answer, to the next ``times`` requests that fit."""

    method: str
    path: str
    times: int
    status: int
    reason: str
    message: str
    headers: Mapping[str, str]
    details: Mapping[str, Any]
    body: bytes | None
    reset: bool
    delay: float
    after: bool
    """Do the work first and lose the answer then."""

    def fits(self, request: web.Request) -> bool:
        return self.times > 0 and self.method in ("", request.method) and self.path in request.path_qs


@dataclass
class Recorded:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Watch:
    """One open watch; lines are sent from its queue, None ends it."""

    prefix: tuple[str, str, str]
    lines: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    transport: asyncio.Transport | None = None


class FakeApi:
    """An async context manager; ``config`` is how to reach it."""

    def __init__(self, *kinds: Kind, aggregated: bool = True, tls: ssl.SSLContext | None = None) -> None:
        self.kinds = [*BUILTIN, *kinds]
        self.aggregated = aggregated
        self.requests: list[Recorded] = []
        self.objects: dict[tuple[str, str, str, str], Manifest] = {}
        self.history: list[tuple[int, str, Manifest]] = []
        self.version = 100
        self.compacted = 0
        self.watches: list[Watch] = []
        self.failures: list[Failure] = []
        self.url = ""
        self._opened = asyncio.Event()
        self._asked = asyncio.Event()
        self._tls = tls
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=2**26)
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.end_watches()
        await self._stack.aclose()

    @property
    def config(self) -> ClusterConfig:
        return ClusterConfig(server=self.url)

    # What a test writes into the script.

    def fail(
        self,
        status: int = 0,
        *,
        method: str = "",
        path: str = "",
        times: int = 1,
        reason: str = "",
        message: str = "",
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        reset: bool = False,
        delay: float = 0.0,
        after: bool = False,
    ) -> None:
        """Let the next requests fail that fit: by a status, a broken body, a reset connection, or only slowly."""
        self.failures.append(
            Failure(
                method, path, times, status, reason, message, headers or {}, details or {}, body, reset, delay, after
            )
        )

    def seen(self, method: str, path: str = "") -> list[Recorded]:
        """The requests of a method whose path holds a text."""
        return [request for request in self.requests if request.method == method and path in request.path]

    async def asked(self, method: str, path: str = "", *, times: int = 1) -> None:
        """Until so many of these have come; a request that is not made to fail is carried out by then."""
        while len(self.seen(method, path)) < times:
            self._asked.clear()
            await self._asked.wait()

    def put(self, manifest: Manifest) -> Manifest:
        """Create or change an object, as another client would."""
        stored = copy.deepcopy(manifest)
        key = self._key_of(stored)
        before = self.objects.get(key)
        metadata = stored.setdefault("metadata", {})
        self.version += 1
        metadata["resourceVersion"] = str(self.version)
        metadata.setdefault("uid", before["metadata"]["uid"] if before else f"uid-{self.version}")
        self.objects[key] = stored
        self._publish("MODIFIED" if before else "ADDED", key, stored)
        return copy.deepcopy(stored)

    def remove(self, kind: str, namespace: str, name: str, *, silently: bool = False) -> None:
        """Delete an object; silently: no watch hears of it."""
        key = next(key for key in self.objects if key[1:] == (kind, namespace, name))
        gone = self.objects.pop(key)
        self.version += 1
        gone["metadata"]["resourceVersion"] = str(self.version)
        if not silently:
            self._publish("DELETED", key, gone)

    async def watched(self, count: int = 1) -> None:
        """Until so many watches are open."""
        while len(self.watches) < count:
            self._opened.clear()
            await self._opened.wait()

    def bookmark(self) -> None:
        self.version += 1
        for watch in self.watches:
            self.send(watch, {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(self.version)}}})

    def compact(self) -> None:
        """Forget history: watches from older versions get 410."""
        self.compacted = self.version

    def send(self, watch: Watch, event: Manifest | bytes) -> None:
        watch.lines.put_nowait(event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n")

    def end_watches(self) -> None:
        """End all watches as a server does when their time is up."""
        for watch in self.watches:
            watch.lines.put_nowait(None)

    def reset_watches(self) -> None:
        """Break all watches' connections."""
        for watch in self.watches:
            if watch.transport is not None:
                watch.transport.abort()

    # The server.

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        self.requests.append(Recorded(request.method, request.path, dict(request.query), dict(request.headers), body))
        self._asked.set()
        failure = next((failure for failure in self.failures if failure.fits(request)), None)
        if failure is not None:
            failure.times -= 1
            await asyncio.sleep(failure.delay)
            if failure.after:
                self._serve(request, body)
            if (answer := self._failed(request, failure)) is not None:
                return answer
        if request.query.get("watch") == "true":
            return await self._watch(request)
        return self._serve(request, body)

    def _failed(self, request: web.Request, failure: Failure) -> web.Response | None:
        if failure.reset:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if failure.body is not None:
            return web.Response(body=failure.body, status=failure.status or 200, headers=failure.headers)
        if failure.status:
            answer = _status(failure.status, failure.reason, failure.message, **failure.details)
            answer.headers.update(failure.headers)
            return answer
        return None

    def _serve(self, request: web.Request, body: Any) -> web.Response:
        path = request.path
        if path in ("/api", "/apis"):
            return self._discovery(path, request.headers.get("Accept", ""))
        for kind in self.kinds:
            if path == kind.prefix:
                return self._classic_version(kind)
        located = self._locate(path)
        if located is None:
            return web.Response(status=404, text="404 page not found\n")
        kind, namespace, name, subresource = located
        if not name:
            if request.method == "POST":
                return self._create(kind, namespace, body, dry_run="dryRun" in request.query)
            return self._list(kind, namespace, request)
        key = (kind.group, kind.kind, namespace, name)
        if request.method == "GET":
            return _found(self.objects[key]) if key in self.objects else _not_found(kind, name)
        if request.method == "DELETE":
            return self._delete(kind, key, body or {})
        return self._write(kind, key, subresource, request, body)

    def _locate(self, path: str) -> tuple[Kind, str, str, str] | None:
        for kind in self.kinds:
            if not path.startswith(kind.prefix + "/"):
                continue
            parts = path[len(kind.prefix) + 1 :].split("/")
            namespace = ""
            if kind.namespaced and len(parts) > 2 and parts[0] == "namespaces":
                namespace, parts = parts[1], parts[2:]
            if parts[0] == kind.plural:
                parts += ["", ""]
                return kind, namespace, parts[1], parts[2]
        return None

    def _create(self, kind: Kind, namespace: str, body: Manifest, *, dry_run: bool) -> web.Response:
        key = (kind.group, kind.kind, namespace, body["metadata"]["name"])
        if key in self.objects:
            return _status(409, "AlreadyExists", f'{kind.plural} "{key[3]}" already exists', name=key[3])
        return _found(body if dry_run else self.put(body), 201)

    def _list(self, kind: Kind, namespace: str, request: web.Request) -> web.Response:
        fitting = [
            value
            for key, value in sorted(self.objects.items())
            if key[:2] == (kind.group, kind.kind) and namespace in ("", key[2])
        ]
        start = int(request.query.get("continue", "0"))
        limit = int(request.query.get("limit", "0")) or len(fitting) + 1
        metadata = {"resourceVersion": str(self.version)}
        if start + limit < len(fitting):
            metadata["continue"] = str(start + limit)
        return web.json_response({"metadata": metadata, "items": fitting[start : start + limit]})

    def _delete(self, kind: Kind, key: tuple[str, str, str, str], options: Manifest) -> web.Response:
        if key not in self.objects:
            return _not_found(kind, key[3])
        uid = (options.get("preconditions") or {}).get("uid")
        if uid and uid != self.objects[key]["metadata"]["uid"]:
            return _status(409, "Conflict", "the UID in the precondition does not match", name=key[3])
        if "dryRun" not in options:
            self.remove(*key[1:])
        return _status(200, "", "")

    def _write(
        self, kind: Kind, key: tuple[str, str, str, str], subresource: str, request: web.Request, body: Manifest
    ) -> web.Response:
        live = self.objects.get(key)
        apply = request.content_type == "application/apply-patch+yaml"
        if live is None and not apply:
            return _not_found(kind, key[3])
        base: Manifest = copy.deepcopy(live) if live else {}
        asked = body.get("metadata", {}) if isinstance(body, dict) else {}
        if (
            live is not None
            and asked.get("resourceVersion", base["metadata"]["resourceVersion"])
            != (base["metadata"]["resourceVersion"])
        ):
            return _status(409, "Conflict", f'Operation cannot be fulfilled on {kind.plural} "{key[3]}"', name=key[3])
        if (
            not subresource
            and live is not None
            and asked.get("uid", base["metadata"]["uid"]) != base["metadata"]["uid"]
        ):
            causes = [{"field": "metadata.uid", "reason": "FieldValueInvalid", "message": "field is immutable"}]
            return _status(422, "Invalid", "metadata.uid: field is immutable", name=key[3], causes=causes)
        changed = body if request.method == "PUT" else _merged(base, body)
        if subresource and live is not None:
            changed = {**base, subresource: changed.get(subresource)}
        if request.query.get("dryRun"):
            return _found(changed)
        if changed == live:
            return _found(changed)
        return _found(self.put(changed), 200 if live else 201)

    def _discovery(self, path: str, accept: str) -> web.Response:
        kinds = [kind for kind in self.kinds if bool(kind.group) == (path == "/apis")]
        if not (self.aggregated and "APIGroupDiscoveryList" in accept):
            return web.json_response(_classic_root(path, kinds))
        groups: dict[str, dict[str, list[Manifest]]] = {}
        for kind in kinds:
            groups.setdefault(kind.group, {}).setdefault(kind.version, []).append(_discovered(kind))
        items = [
            {
                "metadata": {"name": group} if group else {},
                "versions": [{"version": version, "resources": found} for version, found in versions.items()],
            }
            for group, versions in groups.items()
        ]
        return web.json_response({"kind": "APIGroupDiscoveryList", "items": items})

    def _classic_version(self, kind: Kind) -> web.Response:
        resources: list[Manifest] = []
        for other in self.kinds:
            if other.prefix == kind.prefix:
                common = {"kind": other.kind, "namespaced": other.namespaced, "verbs": ["get", "list", "watch"]}
                resources += [{"name": other.plural, "shortNames": list(other.short_names), **common}]
                resources += [{"name": f"{other.plural}/status", **common}]
        return web.json_response({"kind": "APIResourceList", "resources": resources})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        located = self._locate(request.path)
        if located is None:
            return web.Response(status=404, text="404 page not found\n")
        kind, namespace, _, _ = located
        since = int(request.query["resourceVersion"])
        response = web.StreamResponse()
        response.content_type = "application/json"
        await response.prepare(request)
        watch = Watch((kind.group, kind.kind, namespace), transport=request.transport)
        if since < self.compacted:
            gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
            self.send(watch, {"type": "ERROR", "object": gone})
            watch.lines.put_nowait(None)
        for version, line, manifest in self.history:
            if version > since and self._wants(watch, self._key_of(manifest)):
                self.send(watch, {"type": line, "object": manifest})
        self.watches.append(watch)
        self._opened.set()
        try:
            while (data := await watch.lines.get()) is not None:
                await response.write(data)
        except ConnectionResetError:
            return response
        finally:
            self.watches.remove(watch)
        await response.write_eof()
        return response

    def _publish(self, change: str, key: tuple[str, str, str, str], manifest: Manifest) -> None:
        snapshot = copy.deepcopy(manifest)
        self.history.append((self.version, change, snapshot))
        for watch in self.watches:
            if self._wants(watch, key):
                self.send(watch, {"type": change, "object": snapshot})

    def _wants(self, watch: Watch, key: tuple[str, str, str, str]) -> bool:
        return watch.prefix[:2] == key[:2] and watch.prefix[2] in ("", key[2])

    def _key_of(self, manifest: Manifest) -> tuple[str, str, str, str]:
        group, _, _ = manifest["apiVersion"].rpartition("/")
        metadata = manifest["metadata"]
        return (group, manifest["kind"], metadata.get("namespace", ""), metadata["name"])


def _merged(base: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def _found(manifest: Manifest, status: int = 200) -> web.Response:
    return web.json_response(manifest, status=status)


def _not_found(kind: Kind, name: str) -> web.Response:
    return _status(404, "NotFound", f'{kind.plural} "{name}" not found', name=name)


def _status(code: int, reason: str, message: str, **details: Any) -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": message}
    return web.json_response({**body, "details": details}, status=code)


def _discovered(kind: Kind) -> Manifest:
    response = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    return {
        "resource": kind.plural,
        "responseKind": response,
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.kind.lower(),
        "shortNames": list(kind.short_names),
        "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
        "subresources": [{"subresource": "status", "responseKind": response, "verbs": ["get", "patch", "update"]}],
    }


def _classic_root(path: str, kinds: list[Kind]) -> Manifest:
    if path == "/api":
        return {"kind": "APIVersions", "versions": sorted({kind.version for kind in kinds})}
    groups: dict[str, list[str]] = {}
    for kind in kinds:
        if kind.version not in groups.setdefault(kind.group, []):
            groups[kind.group].append(kind.version)
    return {
        "kind": "APIGroupList",
        "groups": [
            {
                "name": name,
                "versions": [{"groupVersion": f"{name}/{version}", "version": version} for version in versions],
                "preferredVersion": {"groupVersion": f"{name}/{versions[0]}", "version": versions[0]},
            }
            for name, versions in groups.items()
        ],
    }
