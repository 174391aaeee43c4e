"""Requests for resources: which verb does what, for objects, collections and subresources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from fairlead.localcluster.server.bodies import check_kind, delete_body, read_object
from fairlead.localcluster.server.deleting import DeleteOptions
from fairlead.localcluster.server.negotiate import Form, negotiate
from fairlead.localcluster.server.pipeline import timestamp
from fairlead.localcluster.server.reading import too_large
from fairlead.localcluster.server.requests import ListOptions, WriteOptions, flag
from fairlead.localcluster.server.respond import bytes_response, json_response
from fairlead.localcluster.server.selectors import select
from fairlead.localcluster.server.serving import object_bytes
from fairlead.localcluster.server.watching import Watch
from fairlead.localcluster.status import missing_resource, not_allowed
from fairlead.localcluster.storage import decode_body

if TYPE_CHECKING:
    from fairlead.localcluster.server.core import Core
    from fairlead.localcluster.server.pipeline import Written
    from fairlead.localcluster.server.registry import Resource
    from fairlead.localcluster.server.requests import Route, UserInfo

__all__ = ["ResourceHandler"]

Manifest = dict[str, Any]

_RETURNS_DELETED = frozenset(
    {
        "csidrivers.storage.k8s.io",
        "csinodes.storage.k8s.io",
        "persistentvolumeclaims",
        "persistentvolumes",
        "pods",
        "podtemplates",
        "resourcequotas",
        "serviceaccounts",
        "services",
        "storageclasses.storage.k8s.io",
    }
)
"""Resources whose deletion answers with the object instead of a Status."""


class ResourceHandler:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._watches: set[Watch] = set()

    async def handle(self, request: web.BaseRequest, route: Route, user: UserInfo) -> web.StreamResponse:
        resource = self._core.registry.find(route.group, route.version, route.plural)
        if resource is None:
            if self._core.registry.has_group(route.group):
                raise missing_resource()
            return web.Response(status=404, text="404 page not found\n", headers={"X-Content-Type-Options": "nosniff"})
        if route.namespace and not resource.namespaced:
            raise missing_resource()
        if route.subresource:
            return await self._subresource(request, route, resource, user)
        if resource.namespaced and route.name and not route.namespace:
            raise missing_resource()
        if route.name:
            return await self._object(request, route, resource, user)
        return await self._collection(request, route, resource, user)

    async def _object(
        self, request: web.BaseRequest, route: Route, resource: Resource, user: UserInfo
    ) -> web.StreamResponse:
        match request.method:
            case "GET" | "HEAD":
                _require(resource, "get")
                if route.watch:
                    return await self._watch(request, route, resource)
                return self._get(request, route, resource)
            case "PUT":
                _require(resource, "update")
                return await self._put(request, route, resource, user)
            case "PATCH":
                _require(resource, "patch")
                return await self._patch(request, route, resource, user)
            case "DELETE":
                _require(resource, "delete")
                return await self._delete(request, route, resource, user)
            case _:
                raise not_allowed()

    async def _collection(
        self, request: web.BaseRequest, route: Route, resource: Resource, user: UserInfo
    ) -> web.StreamResponse:
        match request.method:
            case "GET" | "HEAD":
                if route.watch or flag(request.query.get("watch", "")):
                    _require(resource, "watch")
                    return await self._watch(request, route, resource)
                _require(resource, "list")
                return self._list(request, route, resource)
            case "POST":
                _require(resource, "create")
                if resource.namespaced and not route.namespace and "list" in resource.verbs:
                    raise not_allowed()
                return await self._create(request, route, resource, user)
            case "DELETE":
                _require(resource, "deletecollection")
                return await self._delete_collection(request, route, resource, user)
            case _:
                raise not_allowed()

    # reads

    def _get(self, request: web.BaseRequest, route: Route, resource: Resource) -> web.Response:
        form = negotiate(request.headers.get("Accept", ""))
        version = ListOptions.parse({"resourceVersion": request.query.get("resourceVersion", "")}, watch=False).version
        include = request.query.get("includeObject", "Metadata")
        body = self._core.reader.get(resource, route.namespace, route.name, version, form, include)
        return bytes_response(body, as_yaml=form.yaml, warnings=deprecations(resource))

    def _list(self, request: web.BaseRequest, route: Route, resource: Resource) -> web.Response:
        form = negotiate(request.headers.get("Accept", ""))
        options = ListOptions.parse(request.query, watch=False)
        include = request.query.get("includeObject", "Metadata")
        body = self._core.reader.list(resource, route.namespace, options, form, include)
        return bytes_response(body, as_yaml=form.yaml, warnings=deprecations(resource))

    async def _watch(self, request: web.BaseRequest, route: Route, resource: Resource) -> web.StreamResponse:
        form = negotiate(request.headers.get("Accept", ""))
        options = ListOptions.parse(request.query, watch=True)
        include = request.query.get("includeObject", "Metadata")
        if options.version and options.version > self._core.store.version + 100_000:
            raise too_large(options.version, self._core.store.version)
        watch = Watch(self._core.store, resource, route.namespace, route.name, options, form, include)
        self._watches.add(watch)
        response = web.StreamResponse(headers={"Cache-Control": "no-cache, private", "Content-Type": _watch_type(form)})
        try:
            await response.prepare(request)
            async for chunk in watch.chunks():
                await response.write(chunk)
            await response.write_eof()
        except ConnectionError:
            pass  # the watcher is gone, which is how watches usually end
        finally:
            watch.close()
            self._watches.discard(watch)
        return response

    def stop_watches(self) -> None:
        """End all streams in order, so that the server can stop."""
        for watch in list(self._watches):
            watch.stop()

    # writes

    async def _create(self, request: web.BaseRequest, route: Route, resource: Resource, user: UserInfo) -> web.Response:
        options = write_options(request, "CreateOptions", user)
        obj = read_object(request, await request.read(), resource.kind)
        review = self._core.reviews.get((resource.group, resource.kind))
        if review is not None:
            check_kind(resource, obj)
            obj = self._core.rules.record(
                resource, None, self._core.rules.decode(resource, obj, options), options, timestamp(), ""
            )
            return json_response(review(obj, user, route.namespace), status=201)
        check_kind(resource, obj)
        written = self._core.pipeline.create(resource, route.namespace, obj, options)
        return self._written(request, resource, written, options)

    async def _put(self, request: web.BaseRequest, route: Route, resource: Resource, user: UserInfo) -> web.Response:
        options = write_options(request, "UpdateOptions", user)
        obj = read_object(request, await request.read(), resource.kind)
        check_kind(resource, obj)
        written = self._core.pipeline.update(
            resource, route.namespace, route.name, obj, options, subresource=route.subresource
        )
        return self._written(request, resource, written, options)

    async def _patch(self, request: web.BaseRequest, route: Route, resource: Resource, user: UserInfo) -> web.Response:
        options = write_options(request, "PatchOptions", user)
        written = self._core.patcher.patch(
            resource,
            route.namespace,
            route.name,
            request.content_type,
            await request.read(),
            options,
            subresource=route.subresource,
            named_manager=bool(request.query.get("fieldManager")),
        )
        return self._written(request, resource, written, options)

    def _written(
        self, request: web.BaseRequest, resource: Resource, written: Written, options: WriteOptions
    ) -> web.Response:
        form = negotiate(request.headers.get("Accept", ""))
        body = object_bytes(resource, written.stored, form)
        warnings = [*deprecations(resource), *options.warnings]
        return bytes_response(body, status=201 if written.created else 200, as_yaml=form.yaml, warnings=warnings)

    async def _delete(self, request: web.BaseRequest, route: Route, resource: Resource, user: UserInfo) -> web.Response:
        wanted = DeleteOptions.parse(request.query, delete_body(request, await request.read()))
        options = WriteOptions(user, "", dry_run=wanted.dry_run)
        stored = self._core.pipeline.live(resource, route.namespace, route.name)
        written = self._core.deleter.delete(resource, stored, wanted, options)
        if written.deleted and resource.collection not in _RETURNS_DELETED:
            return json_response(_deleted_status(resource, written))
        form = negotiate(request.headers.get("Accept", ""))
        return bytes_response(object_bytes(resource, written.stored, form), as_yaml=form.yaml)

    async def _delete_collection(
        self, request: web.BaseRequest, route: Route, resource: Resource, user: UserInfo
    ) -> web.Response:
        wanted = DeleteOptions.parse(request.query, delete_body(request, await request.read()))
        listing = ListOptions.parse(request.query, watch=False)
        options = WriteOptions(user, "", dry_run=wanted.dry_run)
        selection = select(resource, route.namespace, listing.label_selector, listing.field_selector)
        collection = self._core.store.collection(resource.collection)
        found = [one for one in collection.scan(route.namespace) if selection.matches(one)]
        body = self._core.reader.list(resource, route.namespace, listing, Form(), "")
        for stored in found:
            self._core.deleter.delete(resource, stored, wanted, options)
        return bytes_response(body)

    async def _subresource(
        self, request: web.BaseRequest, route: Route, resource: Resource, user: UserInfo
    ) -> web.StreamResponse:
        found = resource.subresource(route.subresource)
        if found is None or not route.name:
            raise missing_resource()
        if route.subresource == "status":
            match request.method:
                case "GET":
                    return self._get(request, route, resource)
                case "PUT":
                    return await self._put(request, route, resource, user)
                case "PATCH":
                    return await self._patch(request, route, resource, user)
                case _:
                    raise not_allowed()
        return await self._core.subresources.handle(request, route, resource, user)


def _watch_type(form: Form) -> str:
    if not form.kind:
        return "application/json"
    return f"application/json;as={form.kind};g=meta.k8s.io;v={form.version};stream=watch"


def _require(resource: Resource, verb: str) -> None:
    if verb not in resource.verbs:
        raise not_allowed()


def write_options(request: web.BaseRequest, kind: str, user: UserInfo) -> WriteOptions:
    return WriteOptions.parse(request.query, kind, user, request.headers.get("User-Agent", ""))


def deprecations(resource: Resource) -> list[str]:
    """What the server warns of whenever a resource is used."""
    if resource.collection == "endpoints":
        return ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"]
    if resource.collection == "componentstatuses":
        return ["v1 ComponentStatus is deprecated in v1.19+"]
    return [resource.custom.deprecation] if resource.custom and resource.custom.deprecation else []


def _deleted_status(resource: Resource, written: Written) -> Manifest:
    details: Manifest = {"name": written.stored.name}
    if resource.group:
        details["group"] = resource.group
    details["kind"] = resource.plural
    details["uid"] = decode_body(written.stored.body)["metadata"]["uid"]
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
