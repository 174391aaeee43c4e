"""The door: every HTTPS request comes in here and leaves as a response, whatever happens in between."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from fairlead.localcluster.server.authz import Attributes
from fairlead.localcluster.server.requests import parse_route, request_verb
from fairlead.localcluster.server.respond import error_response
from fairlead.localcluster.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.http_parser import RawRequestMessage
    from aiohttp.streams import StreamReader
    from aiohttp.web_protocol import RequestHandler

    from fairlead.localcluster.server.authn import Authenticator
    from fairlead.localcluster.server.authz import Authorizer
    from fairlead.localcluster.server.requests import Route, UserInfo
    from fairlead.localcluster.server.resources import ResourceHandler

    NonResource = Callable[[web.BaseRequest], Awaitable[web.StreamResponse | None]]

__all__ = ["ApiServer", "make_request"]

BODY_LIMIT_BYTES = 3 * 1024 * 1024
"""The largest request body, as the real server's."""

_log = logging.getLogger(__name__)


def make_request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """Requests with the API's limit for bodies instead of the library's."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=BODY_LIMIT_BYTES + 1)


class ApiServer:
    """Authenticates, authorises and dispatches. ``non_resource`` answers discovery, documents and probes."""

    def __init__(
        self,
        authenticator: Authenticator,
        authorizer: Authorizer,
        resources: ResourceHandler,
        non_resource: NonResource,
    ) -> None:
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._resources = resources
        self._non_resource = non_resource

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except StatusError as error:
            return error_response(error)
        except msgspec.DecodeError as error:
            return error_response(StatusError(400, "BadRequest", f"json parse error: {error}"))
        except ConnectionError:
            raise
        except Exception:
            incident = uuid.uuid4().hex[:8]
            _log.exception("%s %s failed [%s]", request.method, request.path, incident)
            return error_response(StatusError(500, "InternalError", f"Internal error occurred: incident {incident}"))

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if (request.content_length or 0) > BODY_LIMIT_BYTES:
            raise StatusError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {BODY_LIMIT_BYTES}")
        user = await self._authenticator.authenticate(request)
        route = parse_route(request.path)
        if any(key.lower().startswith("impersonate-") for key in request.headers):
            user = self._impersonate(request, user)
        if route is None or not route.plural:
            return await self._answer_non_resource(request, user)
        self._authorize(request, route, user)
        return await self._resources.handle(request, route, user)

    async def _answer_non_resource(self, request: web.BaseRequest, user: UserInfo) -> web.StreamResponse:
        if not user.is_admin:
            self._authorizer.check(Attributes(user, request.method.lower(), path=request.path))
        response = await self._non_resource(request)
        if response is not None:
            return response
        return web.Response(
            status=404,
            text="404 page not found\n",
            headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache, private"},
        )

    def _authorize(self, request: web.BaseRequest, route: Route, user: UserInfo) -> None:
        if user.is_admin:
            return
        verb = request_verb(request.method, route, request.query)
        self._authorizer.check(
            Attributes(
                user, verb, route.group, route.plural, route.subresource, route.namespace, route.name, route.version
            )
        )

    def _impersonate(self, request: web.BaseRequest, user: UserInfo) -> UserInfo:
        wanted = self._authenticator.impersonated(request)
        if not user.is_admin:
            for attributes in self._authenticator.impersonation_checks(user, wanted):
                self._authorizer.check(attributes)
        return wanted
