"""``spec.kubeConfig.configMapRef``: another cluster, reached with a token of a service account of this one.

The other cluster has to trust this cluster's issuer. A token is asked for when it is needed and used for most of its
life; nothing of it is kept on disk or shown. The account has to be named: the controllers' own identity is never lent
to an address that a tenant chose.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fairlead.controllers.references import ReferenceNotFoundError
from fairlead.errors import FairleadError, ForbiddenError, InvalidSpecError, UnavailableError
from fairlead.kube.config import ClusterConfig, IssuedToken
from fairlead.kube.errors import ForbiddenApiError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.kube.client import KubeClient

__all__ = ["Account", "AccountTokenError", "account_config", "read_account"]

TOKEN_SECONDS = 3600
"""The life that is asked for; the server may decide on another one."""
_CLOUDS = ("aws", "azure", "gcp")


class AccountTokenError(ForbiddenError):
    """This cluster gives no token of the service account; the message names the account."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where to, and as whom."""

    server: str
    ca: str
    namespace: str
    name: str
    audiences: tuple[str, ...]

    @property
    def identity(self) -> str:
        """Equal for those who can share connections and watches."""
        parts = (self.server, self.ca, self.namespace, self.name, *self.audiences)
        return hashlib.sha256(b"account\0" + "\0".join(parts).encode()).hexdigest()


def read_account(data: Mapping[str, str], namespace: str, shown: str, *, default: str = "") -> Account:
    """What a ConfigMap says; ``shown`` names it in errors, ``default`` is the account when it names none.

    Raises ``InvalidSpecError``.
    """
    provider = data.get("provider", "")
    if provider in _CLOUDS:
        raise InvalidSpecError(
            f"{shown}: provider '{provider}' is not supported; use 'generic' with a service account that the other "
            "cluster trusts, or spec.kubeConfig.secretRef"
        )
    if provider != "generic":
        raise InvalidSpecError(f"{shown}: 'provider' must be 'generic', it is '{provider}'")
    name = data.get("serviceAccountName", "").strip() or default
    if not name:
        raise InvalidSpecError(
            f"{shown}: set 'serviceAccountName'; the controllers' own identity is not used for other clusters"
        )
    server = _server(data.get("address", "").strip(), shown)
    audiences = tuple(line.strip() for line in data.get("audiences", "").splitlines() if line.strip())
    return Account(server, data.get("ca.crt", ""), namespace, name, audiences or (server,))


def _server(address: str, shown: str) -> str:
    if not address:
        raise InvalidSpecError(f"{shown}: 'address' is missing: the URL of the API server")
    server = address if "://" in address else f"https://{address}"
    try:
        parts = urlsplit(server)
        usable = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InvalidSpecError(f"{shown}: 'address' must be an https URL of an API server: a token is sent there")
    return server.rstrip("/")


def account_config(account: Account, client: KubeClient) -> ClusterConfig:
    """How to reach the other cluster; ``client`` is of this one and asks for the tokens."""

    async def issue() -> IssuedToken:
        return await _request_token(account, client)

    return ClusterConfig(server=account.server, ca=account.ca.encode() or None, token_source=issue)


async def _request_token(account: Account, client: KubeClient) -> IssuedToken:
    """Raises ``ReferenceNotFoundError``, :class:`AccountTokenError` or ``UnavailableError``."""
    shown = f"ServiceAccount '{account.namespace}/{account.name}'"
    wanted = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": list(account.audiences), "expirationSeconds": TOKEN_SECONDS},
    }
    path = f"/api/v1/namespaces/{account.namespace}/serviceaccounts/{account.name}/token"
    try:
        status = (await client.request("POST", path, body=wanted))["status"]
        ends = datetime.fromisoformat(status["expirationTimestamp"])
        return IssuedToken(status["token"], (ends - datetime.now(UTC)).total_seconds())
    except NotFoundError as error:
        raise ReferenceNotFoundError(
            f"{shown} of spec.kubeConfig.configMapRef not found: create it or fix the reference"
        ) from error
    except UnavailableError as error:
        raise UnavailableError(f"no token of {shown} can be had at present: {error}") from error
    except ForbiddenApiError as error:
        raise AccountTokenError(
            f"no token of {shown} can be had: the controllers may not create serviceaccounts/token in namespace "
            f"'{account.namespace}'; bind a Role with that right there, or use 'fairlead install --account-tokens'"
        ) from error
    except FairleadError as error:
        raise AccountTokenError(f"no token of {shown} can be had: {error}") from error
    except (KeyError, TypeError, ValueError):
        raise AccountTokenError(f"no token of {shown} can be had: the answer holds none") from None
