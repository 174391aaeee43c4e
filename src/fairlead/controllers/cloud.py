"""``spec.provider: azure``: Azure DevOps is opened with a workload identity, that of a service account or our own.

A service account's identity is its tenant's affair. The controllers' own one may read what many tenants must not, so
its token goes to Azure DevOps and to no other host that a spec names; Flux sends it to any.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fairlead.controllers.references import AccountTokenError, ReferenceNotFoundError
from fairlead.errors import InvalidSpecError
from fairlead.objects.manifest import annotations_of
from fairlead.sources.spec import AzureIdentity

if TYPE_CHECKING:
    from fairlead.api.gitrepository import GitRepositorySpec
    from fairlead.controllers.references import References
    from fairlead.settings import AzureSettings

__all__ = ["ProviderError", "azure_identity"]

AUDIENCE = "api://AzureADTokenExchange"
"""For whom tokens of service accounts have to be, as Azure asks by default."""
CLIENT_ID = "azure.workload.identity/client-id"
TENANT_ID = "azure.workload.identity/tenant-id"
_HOST = "dev.azure.com"
_OLD_HOSTS = ".visualstudio.com"


class ProviderError(InvalidSpecError):
    """``spec.provider`` does not fit the rest of the spec or the credentials, or is not built in."""

    reason = "InvalidProviderConfiguration"


async def azure_identity(
    spec: GitRepositorySpec, namespace: str, references: References, settings: AzureSettings
) -> AzureIdentity:
    """Raises :class:`ProviderError` for what can never work, and :class:`ReferenceNotFoundError`."""
    if urlsplit(spec.url).scheme != "https":
        raise ProviderError("provider 'azure' sends a token, so the URL must be https")
    if spec.service_account_name:
        return await _of_account(spec.service_account_name, namespace, references, settings)
    return _own(spec.url, settings)


async def _of_account(name: str, namespace: str, references: References, settings: AzureSettings) -> AzureIdentity:
    shown = f"ServiceAccount '{namespace}/{name}'"
    annotations = annotations_of(await references.account(namespace, name))
    tenant, client = annotations.get(TENANT_ID) or settings.tenant_id, annotations.get(CLIENT_ID, "")
    for value, key in ((client, CLIENT_ID), (tenant, TENANT_ID)):
        if not value:
            raise ReferenceNotFoundError(f"{shown} has no annotation {key}, which provider 'azure' needs")

    async def assertion() -> str:
        return (await references.account_token(namespace, name, [AUDIENCE], "spec.serviceAccountName")).text

    return AzureIdentity(settings.authority_host, tenant, client, shown, assertion)


def _own(url: str, settings: AzureSettings) -> AzureIdentity:
    host = urlsplit(url).hostname or ""
    if host != _HOST and not host.endswith(_OLD_HOSTS):
        raise ProviderError(
            f"the controllers' identity in Azure is sent to {_HOST} and *{_OLD_HOSTS} only; "
            f"name a serviceAccountName with an identity of its own for {host}"
        )
    path = settings.token_file
    if not settings.client_id or not settings.tenant_id or path is None:
        raise ReferenceNotFoundError(
            "the controllers have no identity in Azure: AZURE_CLIENT_ID, AZURE_TENANT_ID and "
            "AZURE_FEDERATED_TOKEN_FILE are not all set; label their pod "
            "azure.workload.identity/use=true, or name a serviceAccountName"
        )

    async def assertion() -> str:
        try:
            return (await asyncio.to_thread(path.read_text)).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise AccountTokenError(
                f"AZURE_FEDERATED_TOKEN_FILE {path} cannot be read: {type(error).__name__}"
            ) from error

    return AzureIdentity(settings.authority_host, settings.tenant_id, settings.client_id, "the controllers", assertion)
