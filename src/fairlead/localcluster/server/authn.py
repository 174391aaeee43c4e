"""Who asks: a client certificate of the cluster's authority, a bearer token, or nobody; and whom they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from fairlead.localcluster.server.authz import Attributes
from fairlead.localcluster.server.requests import UserInfo
from fairlead.localcluster.status import bad_request, unauthorized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web

    from fairlead.localcluster.server.issuers import Issuers
    from fairlead.localcluster.server.tokens import TokenAuthority

__all__ = ["ANONYMOUS", "Authenticator"]

AUTHENTICATED = "system:authenticated"
ANONYMOUS = UserInfo("system:anonymous", ("system:unauthenticated",))
_EXTRA = "Impersonate-Extra-"


class Authenticator:
    def __init__(self, tokens: TokenAuthority, issuers: Issuers) -> None:
        self._tokens = tokens
        self._issuers = issuers

    async def authenticate(self, request: web.BaseRequest) -> UserInfo:
        """The user of a request: of its certificate, else of its token (a wrong one is refused), else nobody."""
        user = _of_certificate(request)
        if user is not None:
            return user
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            user = self._tokens.user(token.strip()) or await self._issuers.user(token.strip())
            if user is None:
                raise unauthorized()
            return user
        if scheme:
            raise unauthorized()
        return ANONYMOUS

    @staticmethod
    def impersonated(request: web.BaseRequest) -> UserInfo:
        """Whom the request's ``Impersonate-…`` headers name."""
        name = request.headers.get("Impersonate-User", "")
        if not name:
            raise bad_request(f"requested [{_as_printed(request)}] without impersonating a user")
        groups = tuple(request.headers.getall("Impersonate-Group", []))
        extra: dict[str, list[str]] = {}
        for key, value in request.headers.items():
            if key.lower().startswith(_EXTRA.lower()):
                extra.setdefault(unquote(key[len(_EXTRA) :].lower()), []).append(value)
        if name == ANONYMOUS.name:
            return ANONYMOUS
        if name.startswith("system:serviceaccount:") and not groups:
            _, _, namespace, _ = f"{name}::".split(":", 3)
            groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
        if AUTHENTICATED not in groups:
            groups = (*groups, AUTHENTICATED)
        return UserInfo(name, groups, request.headers.get("Impersonate-Uid", ""), extra)

    @staticmethod
    def impersonation_checks(user: UserInfo, wanted: UserInfo) -> Iterator[Attributes]:
        """What a user has to be allowed to do to stand for another."""
        if wanted.name.startswith("system:serviceaccount:"):
            _, _, namespace, name = f"{wanted.name}::".split(":", 3)
            yield Attributes(user, "impersonate", "", "serviceaccounts", "", namespace, name.rstrip(":"), "v1")
        else:
            yield Attributes(user, "impersonate", "", "users", "", "", wanted.name, "v1")
        implied = {AUTHENTICATED, "system:serviceaccounts"} | {
            group for group in wanted.groups if group.startswith("system:serviceaccounts:")
        }
        for group in wanted.groups:
            if group not in implied:
                yield Attributes(user, "impersonate", "", "groups", "", "", group, "v1")
        for key, values in wanted.extra.items():
            for value in values:
                yield Attributes(user, "impersonate", "authentication.k8s.io", "userextras", key, "", value, "v1")


def _as_printed(request: web.BaseRequest) -> str:
    """The references that the request would impersonate, as Go prints them."""
    groups = [f"{{Group  {name}    }}" for name in request.headers.getall("Impersonate-Group", [])]
    return " ".join(groups)


def _of_certificate(request: web.BaseRequest) -> UserInfo | None:
    transport = request.transport
    certificate = transport.get_extra_info("peercert") if transport else None
    if not certificate:
        return None
    name, groups = "", []
    for relative in certificate.get("subject", ()):
        for key, value in relative:
            if key == "commonName":
                name = value
            elif key == "organizationName":
                groups.append(value)
    return UserInfo(name, (*groups, AUTHENTICATED)) if name else None
