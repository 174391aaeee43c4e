"""What specs refer to: Secrets, ConfigMaps and ServiceAccounts, read when they are needed and never kept.

A missing or unusable reference is an error that names it; the one who refers to it is woken when it changes, if it
bears the label for that, and otherwise looks again at its next try.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from fairlead.errors import FairleadError, ForbiddenError, UnavailableError
from fairlead.kube.config import IssuedToken
from fairlead.kube.errors import ForbiddenApiError, NotFoundError
from fairlead.objects.manifest import part
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.kube.client import KubeClient

__all__ = ["TOKEN_SECONDS", "AccountTokenError", "ReferenceNotFoundError", "References"]

TOKEN_SECONDS = 3600
"""The life of tokens that is asked for; the server may decide on another one."""


class ReferenceNotFoundError(ForbiddenError):
    """An object that a spec names is not there, or lacks what it has to hold."""

    reason: ClassVar[str] = "AuthenticationFailed"


class AccountTokenError(ForbiddenError):
    """This cluster gives no token of the service account; the message names the account."""

    reason: ClassVar[str] = "AuthenticationFailed"


class References:
    """Reads referenced objects with the controllers' own rights."""

    def __init__(self, client: KubeClient, *, age_secret: ObjectRef | None = None) -> None:
        """``age_secret`` holds keys for everybody who has none."""
        self.age_secret = age_secret
        self._client = client

    async def secret(self, namespace: str, name: str) -> dict[str, bytes]:
        """The decoded data of a Secret."""
        manifest = await self._get("Secret", namespace, name)
        try:
            return {key: base64.b64decode(value or "") for key, value in part(manifest, "data").items()}
        except (binascii.Error, ValueError) as error:
            raise FairleadError(f"Secret/{namespace}/{name} holds data that is no base64") from error

    async def config_map(self, namespace: str, name: str) -> Mapping[str, str]:
        """The data of a ConfigMap; binary data are left out."""
        return part(await self._get("ConfigMap", namespace, name), "data")

    async def account(self, namespace: str, name: str) -> Mapping[str, Any]:
        """A ServiceAccount; raises :class:`ReferenceNotFoundError` for one that is not there."""
        return await self._get("ServiceAccount", namespace, name)

    async def account_token(self, namespace: str, name: str, audiences: Sequence[str], field: str) -> IssuedToken:
        """A token of a service account; ``field`` is what names the account.

        Raises :class:`ReferenceNotFoundError`, :class:`AccountTokenError` or ``UnavailableError``.
        """
        shown = f"ServiceAccount '{namespace}/{name}'"
        wanted = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": list(audiences), "expirationSeconds": TOKEN_SECONDS},
        }
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        try:
            status = (await self._client.request("POST", path, body=wanted))["status"]
            ends = datetime.fromisoformat(status["expirationTimestamp"])
            return IssuedToken(status["token"], (ends - datetime.now(UTC)).total_seconds())
        except NotFoundError as error:
            raise ReferenceNotFoundError(f"{shown} of {field} not found: create it or fix the reference") from error
        except UnavailableError as error:
            raise UnavailableError(f"no token of {shown} can be had at present: {error}") from error
        except ForbiddenApiError as error:
            raise AccountTokenError(
                f"no token of {shown} can be had: the controllers may not create serviceaccounts/token in namespace "
                f"'{namespace}'; bind a Role with that right there, or use 'fairlead install --account-tokens'"
            ) from error
        except FairleadError as error:
            raise AccountTokenError(f"no token of {shown} can be had: {error}") from error
        except (KeyError, TypeError, ValueError):
            raise AccountTokenError(f"no token of {shown} can be had: the answer holds none") from None

    async def _get(self, kind: str, namespace: str, name: str) -> Mapping[str, Any]:
        try:
            return await self._client.get(ObjectRef("", kind, namespace, name), version="v1")
        except NotFoundError as error:
            raise ReferenceNotFoundError(
                f"{kind} '{namespace}/{name}' not found: create it or fix the reference"
            ) from error
