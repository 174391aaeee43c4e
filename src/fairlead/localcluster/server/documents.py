"""Paths that are no resources: discovery, the version, probes, OpenAPI documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from fairlead.localcluster.server.negotiate import wants_discovery
from fairlead.localcluster.server.respond import json_response
from fairlead.localcluster.status import missing_resource

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.localcluster.server.discovery import Discovery
    from fairlead.localcluster.server.openapi import OpenApi
    from fairlead.localcluster.server.tokens import TokenAuthority

__all__ = ["Documents"]

VERSION: dict[str, Any] = {
    "major": "1",
    "minor": "35",
    "emulationMajor": "1",
    "emulationMinor": "35",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "34",
    "gitVersion": "v1.35.4",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "python",
    "platform": "linux/amd64",
}

_PROTO_V2 = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"


class Documents:
    def __init__(self, discovery: Discovery, openapi: OpenApi, tokens: TokenAuthority, url: Callable[[], str]) -> None:
        self._discovery = discovery
        self._openapi = openapi
        self._tokens = tokens
        self._url = url

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """A response, or ``None`` when there is nothing at this path."""
        parts = [part for part in request.path.split("/") if part]
        match parts:
            case ["api"] | ["apis"]:
                return self._root(request, parts[0])
            case ["api", version]:
                return _document(self._discovery.resource_list("", version), known=True)
            case ["apis", group]:
                return _document(self._discovery.group(group), known=False)
            case ["apis", group, version]:
                known = group in self._discovery.groups()
                return _document(self._discovery.resource_list(group, version), known=known)
            case ["version"]:
                return json_response(VERSION)
            case ["healthz" | "readyz" | "livez", *_]:
                return web.Response(text=_probe(request, parts[0]), headers={"X-Content-Type-Options": "nosniff"})
            case ["openapi", "v3"]:
                return json_response(self._openapi.index())
            case ["openapi", "v3", *rest]:
                body = self._openapi.document("/".join(rest))
                return web.Response(body=body, content_type="application/json") if body else None
            case ["openapi", "v2"]:
                return _openapi_v2(request)
            case [".well-known", "openid-configuration"]:
                return json_response(self._issuer())
            case ["openid", "v1", "jwks"]:
                body = msgspec.json.encode(self._tokens.web_keys())
                return web.Response(body=body, content_type="application/jwk-set+json")
            case []:
                return json_response({"paths": self._paths()})
            case _:
                return None

    def _root(self, request: web.BaseRequest, root: str) -> web.Response:
        version = wants_discovery(request.headers.get("Accept", ""))
        if version:
            body, tag = self._discovery.aggregated(root, version)
            headers = {
                "Content-Type": f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList",
                "Cache-Control": "public",
                "Etag": tag,
                "Vary": "Accept",
            }
            if request.headers.get("If-None-Match") == tag:
                return web.Response(status=304, headers=headers)
            return web.Response(body=body, headers=headers)
        if root == "api":
            return json_response(self._discovery.api_versions(self._url().rpartition("/")[2]))
        return json_response(self._discovery.group_list())

    def _issuer(self) -> dict[str, Any]:
        """Where others find the keys that prove this cluster's tokens (OpenID Connect discovery)."""
        return {
            "issuer": self._tokens.issuer,
            "jwks_uri": f"{self._url()}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    def _paths(self) -> list[str]:
        paths = ["/.well-known/openid-configuration", "/openid/v1/jwks"]
        paths += ["/api", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]
        for group, versions in self._discovery.groups().items():
            root = f"/apis/{group}" if group else "/api"
            paths += ([root] if group else []) + [f"{root}/{version}" for version in versions]
        return sorted(paths)


def _document(value: dict[str, Any] | None, *, known: bool) -> web.Response | None:
    """A missing version of a known group is answered in JSON, an unknown group is no path at all."""
    if value is None and known:
        raise missing_resource()
    return json_response(value) if value is not None else None


def _openapi_v2(request: web.BaseRequest) -> web.Response:
    """An empty document: kubectl asks for it when it meets a kind that nobody serves, and reads nothing else in it."""
    if _PROTO_V2 in request.headers.get("Accept", ""):
        return web.Response(body=b"\x0a\x032.0", headers={"Content-Type": _PROTO_V2.replace("@", ".")})
    info = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
    return json_response({"swagger": "2.0", "info": info, "paths": {}, "definitions": {}})


def _probe(request: web.BaseRequest, name: str) -> str:
    if "verbose" in request.query:
        return f"[+]ping ok\n[+]storage ok\n{name} check passed\n"
    return "ok"
