"""``spec.kubeConfig.configMapRef``: another cluster, reached with a token of a service account of this one.

The other cluster has to trust this cluster's issuer. A token is asked for when it is needed and used for most of its
life; nothing of it is kept on disk or shown. The account has to be named: the controllers' own identity is never lent
to an address that a tenant chose.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fairlead.errors import InvalidSpecError
from fairlead.kube.config import ClusterConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.controllers.references import References
    from fairlead.kube.config import IssuedToken

__all__ = ["Account", "account_config", "read_account"]

_CLOUDS = ("aws", "azure", "gcp")


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


def account_config(account: Account, references: References) -> ClusterConfig:
    """How to reach the other cluster; ``references`` are of this one, which gives the tokens."""

    async def issue() -> IssuedToken:
        return await references.account_token(
            account.namespace, account.name, account.audiences, "spec.kubeConfig.configMapRef"
        )

    return ClusterConfig(server=account.server, ca=account.ca.encode() or None, token_source=issue)
