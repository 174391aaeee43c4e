"""What clouds say to a workload by its environment."""

from __future__ import annotations

from pathlib import Path

from fairlead.cli.environment import cloud_settings
from fairlead.settings import AwsSettings, AzureSettings, CloudSettings


def test_nothing_said_is_no_identity() -> None:
    assert cloud_settings({"AZURE_CLIENT_ID": "", "PATH": "/bin"}) == CloudSettings()


def test_the_variables_of_both_clouds() -> None:
    environ = {
        "AZURE_AUTHORITY_HOST": "https://login.example.com/",
        "AZURE_TENANT_ID": "t",
        "AZURE_CLIENT_ID": "c",
        "AZURE_FEDERATED_TOKEN_FILE": "/var/azure",
        "AWS_ROLE_ARN": "arn",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/aws",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "hush",
        "AWS_SESSION_TOKEN": "whisper",
        "AWS_ENDPOINT_URL_STS": "https://sts.example.com",
    }
    said = cloud_settings(environ)
    assert said.azure == AzureSettings(
        authority_host="https://login.example.com/", tenant_id="t", client_id="c", token_file=Path("/var/azure")
    )
    assert said.aws == AwsSettings(
        role_arn="arn",
        token_file=Path("/var/aws"),
        access_key_id="a",
        secret_access_key="hush",
        session_token="whisper",
        sts_endpoint="https://sts.example.com",
    )
    assert "hush" not in repr(said)
    assert "whisper" not in repr(said)
