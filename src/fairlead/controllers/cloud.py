"""``spec.provider: azure`` and ``aws``: repositories are opened with a workload identity, an account's or our own.

A service account's identity is its tenant's affair. The controllers' own one may read what many tenants must not, so
its token goes to Azure DevOps and to no other host that a spec names; Flux sends it to any. In AWS nothing that could
be used elsewhere is sent to a repository's host: a signature is good for one address.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fairlead.controllers.references import AccountTokenError, ReferenceNotFoundError
from fairlead.errors import InvalidSpecError
from fairlead.objects.manifest import annotations_of
from fairlead.sources.spec import AwsIdentity, AwsKeys, AzureIdentity

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from fairlead.api.gitrepository import GitRepositorySpec
    from fairlead.controllers.references import References
    from fairlead.settings import AwsSettings, AzureSettings

__all__ = ["ProviderError", "aws_identity", "azure_identity"]

AUDIENCE = "api://AzureADTokenExchange"
"""For whom tokens of service accounts have to be, as Azure asks by default."""
CLIENT_ID = "azure.workload.identity/client-id"
TENANT_ID = "azure.workload.identity/tenant-id"
ROLE_ARN = "eks.amazonaws.com/role-arn"
AWS_AUDIENCE = "sts.amazonaws.com"
OURSELVES = "the controllers"
_CODE_COMMIT = re.compile(r"git-codecommit(-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")
_LONGEST_SESSION = 64
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

    assertion = _from_file(path, "AZURE_FEDERATED_TOKEN_FILE")
    return AzureIdentity(settings.authority_host, settings.tenant_id, settings.client_id, OURSELVES, assertion)


async def aws_identity(
    spec: GitRepositorySpec, namespace: str, references: References, settings: AwsSettings
) -> AwsIdentity:
    """Raises :class:`ProviderError` for what can never work, and :class:`ReferenceNotFoundError`."""
    parts = urlsplit(spec.url)
    known = _CODE_COMMIT.fullmatch(parts.hostname or "")
    if parts.scheme != "https" or known is None:
        raise ProviderError(
            "provider 'aws' is for CodeCommit: the URL must be https://git-codecommit.REGION.amazonaws.com/v1/repos/NAME"
        )
    identity = AwsIdentity(known["region"], OURSELVES, endpoint=settings.sts_endpoint)
    if name := spec.service_account_name:
        shown = f"ServiceAccount '{namespace}/{name}'"
        role = annotations_of(await references.account(namespace, name)).get(ROLE_ARN, "")
        if not role:
            raise ReferenceNotFoundError(f"{shown} has no annotation {ROLE_ARN}, which provider 'aws' needs")

        async def assertion() -> str:
            return (await references.account_token(namespace, name, [AWS_AUDIENCE], "spec.serviceAccountName")).text

        session = f"{name}.{namespace}.fairlead"[:_LONGEST_SESSION]
        return replace(identity, bearer=shown, role_arn=role, session=session, assertion=assertion)
    if settings.role_arn and settings.token_file is not None:
        own = _from_file(settings.token_file, "AWS_WEB_IDENTITY_TOKEN_FILE")
        return replace(identity, role_arn=settings.role_arn, session="fairlead", assertion=own)
    if settings.access_key_id and settings.secret_access_key:
        keys = AwsKeys(settings.access_key_id, settings.secret_access_key, settings.session_token)
        return replace(identity, keys=keys)
    raise ReferenceNotFoundError(
        "the controllers have no identity in AWS: neither AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE are set, nor "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; give their service account a role, or name a serviceAccountName"
    )


def _from_file(path: Path, variable: str) -> Callable[[], Awaitable[str]]:
    """The kubelet writes a new token into the file before the last one ends."""

    async def assertion() -> str:
        try:
            return (await asyncio.to_thread(path.read_text)).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise AccountTokenError(f"{variable} {path} cannot be read: {type(error).__name__}") from error

    return assertion
