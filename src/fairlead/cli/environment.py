"""Variables of the environment that clouds set for workloads, as the clouds' own programs read them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.settings import AwsSettings, AzureSettings, CloudSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["cloud_settings"]

_AZURE = {
    "authority_host": "AZURE_AUTHORITY_HOST",
    "tenant_id": "AZURE_TENANT_ID",
    "client_id": "AZURE_CLIENT_ID",
    "token_file": "AZURE_FEDERATED_TOKEN_FILE",
}
_AWS = {
    "role_arn": "AWS_ROLE_ARN",
    "token_file": "AWS_WEB_IDENTITY_TOKEN_FILE",
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
    "sts_endpoint": "AWS_ENDPOINT_URL_STS",
}


def cloud_settings(environ: Mapping[str, str]) -> CloudSettings:
    return CloudSettings(azure=AzureSettings(**_said(environ, _AZURE)), aws=AwsSettings(**_said(environ, _AWS)))


def _said(environ: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Any]:
    """What is set; an empty variable is as good as none."""
    said: dict[str, Any] = {field: environ[name] for field, name in names.items() if environ.get(name)}
    if "token_file" in said:
        said["token_file"] = Path(said["token_file"])
    return said
