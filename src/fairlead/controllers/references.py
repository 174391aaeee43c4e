"""What specs refer to: Secrets, ConfigMaps and ServiceAccounts, read when they are needed and never kept.

A missing or unusable reference is an error that names it; the one who refers to it is woken when it changes, if it
bears the label for that, and otherwise looks again at its next try.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, ClassVar

from fairlead.errors import FairleadError, ForbiddenError
from fairlead.kube.errors import NotFoundError
from fairlead.objects.manifest import part
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.kube.client import KubeClient

__all__ = ["ReferenceNotFoundError", "References"]


class ReferenceNotFoundError(ForbiddenError):
    """An object that a spec names is not there, or lacks what it has to hold."""

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

    async def check_account(self, namespace: str, name: str) -> None:
        """Raises :class:`ReferenceNotFoundError` for a ServiceAccount that is not there."""
        await self._get("ServiceAccount", namespace, name)

    async def _get(self, kind: str, namespace: str, name: str) -> Mapping[str, object]:
        try:
            return await self._client.get(ObjectRef("", kind, namespace, name), version="v1")
        except NotFoundError as error:
            raise ReferenceNotFoundError(
                f"{kind} '{namespace}/{name}' not found: create it or fix the reference"
            ) from error
