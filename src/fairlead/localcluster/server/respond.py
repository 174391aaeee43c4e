"""Responses with the headers that the real server sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from fairlead.objects import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.localcluster.status import StatusError

__all__ = ["bytes_response", "error_response", "json_response"]

_NO_CACHE = "no-cache, private"


def bytes_response(
    body: bytes, *, status: int = 200, as_yaml: bool = False, warnings: Sequence[str] = ()
) -> web.Response:
    """A JSON body as it is, or turned into YAML."""
    headers: CIMultiDict[str] = CIMultiDict({"Cache-Control": _NO_CACHE})
    for warning in warnings:
        quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
        headers.add("Warning", f'299 - "{quoted}"')
    if as_yaml:
        body = yaml.dump(msgspec.json.decode(body)).encode()
        return web.Response(body=body, status=status, content_type="application/yaml", headers=headers)
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def json_response(value: object, *, status: int = 200, content_type: str = "application/json") -> web.Response:
    headers = {"Cache-Control": _NO_CACHE, "Content-Type": content_type}
    return web.Response(body=msgspec.json.encode(value), status=status, headers=headers)


def error_response(error: StatusError) -> web.Response:
    response = json_response(error.body(), status=error.code)
    if error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    return response
