"""From a GitRepository and its Secrets to a Git source."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from fairlead.api.gitrepository import GitRepository
from fairlead.controllers.cloud import ProviderError
from fairlead.controllers.gitspec import git_spec
from fairlead.controllers.references import AccountTokenError, ReferenceNotFoundError, References
from fairlead.kube.config import IssuedToken
from fairlead.settings import AwsSettings, AzureSettings, CloudSettings

if TYPE_CHECKING:
    from pathlib import Path

DEVOPS = "https://dev.azure.com/org/project/_git/fleet"
CODE_COMMIT = "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/fleet"
CLIENT, TENANT = "azure.workload.identity/client-id", "azure.workload.identity/tenant-id"


class Secrets:
    def __init__(self, **secrets: dict[str, bytes]) -> None:
        self._secrets = secrets
        self.accounts: dict[str, dict[str, str]] = {}
        self.asked: list[tuple[Any, ...]] = []

    async def account(self, namespace: str, name: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "namespace": namespace, "annotations": self.accounts[name]}}

    async def account_token(self, *asked: Any) -> IssuedToken:
        self.asked.append(asked)
        return IssuedToken("eyJaccount", 3600)

    async def secret(self, namespace: str, name: str) -> dict[str, bytes]:
        if name not in self._secrets:
            raise ReferenceNotFoundError(f"Secret '{namespace}/{name}' not found")
        return self._secrets[name]


async def spec(secrets: Secrets | None = None, *, cloud: CloudSettings | None = None, **fields: Any) -> Any:
    wanted = {"url": "https://example.com/x.git", "interval": "1m", **fields}
    manifest = {"metadata": {"name": "x", "namespace": "ns"}, "spec": wanted}
    repository = msgspec.convert(manifest, GitRepository)
    return await git_spec(repository, cast("References", secrets or Secrets()), (), cloud)


async def test_defaults() -> None:
    found = await spec()
    assert found.timeout.total_seconds() == 60
    assert found.ref.branch == ""
    assert found.ignore is None


async def test_basic_and_bearer() -> None:
    secrets = Secrets(basic={"username": b"u", "password": b"p", "ca.crt": b"CA"}, bearer={"bearerToken": b"t"})
    basic = (await spec(secrets, secretRef={"name": "basic"})).auth
    assert (basic.username, basic.password, basic.ca) == ("u", "p", "CA")
    assert (await spec(secrets, secretRef={"name": "bearer"})).auth.bearer_token == "t"


async def test_ssh_needs_a_key_and_known_hosts() -> None:
    secrets = Secrets(full={"identity": b"key", "known_hosts": b"hosts"}, half={"identity": b"key"})
    url = "ssh://git@example.com/x.git"
    assert (await spec(secrets, url=url, secretRef={"name": "full"})).auth.identity == "key"
    with pytest.raises(ReferenceNotFoundError, match="no 'known_hosts'"):
        await spec(secrets, url=url, secretRef={"name": "half"})


async def test_a_missing_secret_is_named() -> None:
    with pytest.raises(ReferenceNotFoundError, match="ns/absent"):
        await spec(secretRef={"name": "absent"})


async def test_proxy_and_keys_of_trusted_authors() -> None:
    secrets = Secrets(proxy={"address": b"http://p:1", "username": b"u", "password": b"p"}, keys={"a.asc": b"A"})
    verify = {"mode": "head", "secretRef": {"name": "keys"}}
    found = await spec(secrets, proxySecretRef={"name": "proxy"}, verify=verify)
    assert found.auth.proxy.address == "http://p:1"
    assert found.verify.mode == "HEAD"
    assert found.verify.keys == (("a.asc", b"A"),)


async def test_github_app() -> None:
    app = {"githubAppID": b"1", "githubAppInstallationID": b"2", "githubAppPrivateKey": b"key"}
    found = (await spec(Secrets(app=app), provider="github", secretRef={"name": "app"})).auth.github_app
    assert (found.app_id, found.installation_id, found.private_key) == ("1", "2", "key")
    assert found.base_url == "https://api.github.com"


@pytest.mark.parametrize(("provider", "secret"), [("azure", {}), (None, {"githubAppID": b"1"}), ("github", {})])
async def test_providers_that_do_not_fit(provider: str | None, secret: dict[str, bytes]) -> None:
    with pytest.raises(ProviderError):
        await spec(Secrets(x=secret), provider=provider, secretRef={"name": "x"})


async def test_azure_by_the_controllers_identity(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("eyJown\n")
    own = CloudSettings(azure=AzureSettings(tenant_id="t", client_id="c", token_file=token))
    found = (await spec(provider="azure", url=DEVOPS, cloud=own)).auth.azure
    assert (found.authority, found.tenant_id, found.client_id) == ("https://login.microsoftonline.com", "t", "c")
    assert await found.assertion() == "eyJown"
    token.write_text("eyJnext")
    assert await found.assertion() == "eyJnext"
    token.unlink()
    with pytest.raises(AccountTokenError, match="FileNotFoundError"):
        await found.assertion()
    assert (await spec(provider="azure", url="https://org.visualstudio.com/x", cloud=own)).auth.azure is not None


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/x",
        "https://dev.azure.com.evil.example.com/x",
        "https://dev.azure.com@evil.example.com/x",
        "https://visualstudio.com.example/x",
        "http://dev.azure.com/x",
    ],
)
async def test_the_controllers_identity_goes_nowhere_else(url: str, tmp_path: Path) -> None:
    """Flux sends it to any address that somebody writes into a GitRepository."""
    own = CloudSettings(azure=AzureSettings(tenant_id="t", client_id="c", token_file=tmp_path / "token"))
    with pytest.raises(ProviderError):
        await spec(provider="azure", url=url, cloud=own)


async def test_azure_by_the_identity_of_an_account() -> None:
    secrets = Secrets(ca={"ca.crt": b"CA"}, login={"username": b"u", "password": b"p"})
    secrets.accounts = {"full": {CLIENT: "c", TENANT: "t"}, "half": {CLIENT: "c"}, "none": {TENANT: "t"}}
    url = "https://git.example.com/x"
    auth = (await spec(secrets, provider="azure", url=url, serviceAccountName="full", secretRef={"name": "ca"})).auth
    assert (auth.ca, auth.azure.tenant_id, auth.azure.client_id) == ("CA", "t", "c")
    assert await auth.azure.assertion() == "eyJaccount"
    assert secrets.asked == [("ns", "full", ["api://AzureADTokenExchange"], "spec.serviceAccountName")]
    own = CloudSettings(azure=AzureSettings(tenant_id="o"))
    assert (
        await spec(secrets, provider="azure", url=url, serviceAccountName="half", cloud=own)
    ).auth.azure.tenant_id == "o"
    for account, missing in (("half", TENANT), ("none", CLIENT)):
        with pytest.raises(ReferenceNotFoundError, match=f"'ns/{account}' has no annotation {missing}"):
            await spec(secrets, provider="azure", url=url, serviceAccountName=account)
    with pytest.raises(ProviderError, match="secretRef has 'password'"):
        await spec(secrets, provider="azure", url=url, serviceAccountName="full", secretRef={"name": "login"})


async def test_aws_by_the_identity_of_an_account() -> None:
    secrets = Secrets()
    role = "arn:aws:iam::1:role/reader"
    secrets.accounts = {"full": {"eks.amazonaws.com/role-arn": role}, "none": {}}
    found = (await spec(secrets, provider="aws", url=CODE_COMMIT, serviceAccountName="full")).auth.aws
    assert (found.region, found.role_arn, found.session) == ("eu-west-1", role, "full.ns.fairlead")
    assert await found.assertion() == "eyJaccount"
    assert secrets.asked == [("ns", "full", ["sts.amazonaws.com"], "spec.serviceAccountName")]
    with pytest.raises(ReferenceNotFoundError, match=r"'ns/none' has no annotation eks\.amazonaws\.com/role-arn"):
        await spec(secrets, provider="aws", url=CODE_COMMIT, serviceAccountName="none")


async def test_aws_by_the_controllers_identity(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("eyJown")
    keys = AwsSettings(access_key_id="AKIA", secret_access_key="hush")
    found = (await spec(provider="aws", url=CODE_COMMIT, cloud=CloudSettings(aws=keys))).auth.aws
    assert found.keys.access_key_id == "AKIA"
    assert "hush" not in repr(keys)
    assert "hush" not in repr(found)
    role = replace(keys, role_arn="arn:aws:iam::1:role/own", token_file=token)
    found = (await spec(provider="aws", url=CODE_COMMIT, cloud=CloudSettings(aws=role))).auth.aws
    assert found.keys is None
    assert await found.assertion() == "eyJown"


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/v1/repos/x",
        "https://git-codecommit.eu-west-1.amazonaws.com.example.com/v1/repos/x",
        "http://git-codecommit.eu-west-1.amazonaws.com/v1/repos/x",
    ],
)
async def test_aws_is_for_code_commit(url: str) -> None:
    keys = AwsSettings(access_key_id="AKIA", secret_access_key="hush")
    with pytest.raises(ProviderError, match="https://git-codecommit"):
        await spec(provider="aws", url=url, cloud=CloudSettings(aws=keys))


async def test_without_any_identity_it_is_said_what_to_do() -> None:
    with pytest.raises(ReferenceNotFoundError, match="AZURE_CLIENT_ID"):
        await spec(provider="azure", url=DEVOPS)
    with pytest.raises(ReferenceNotFoundError, match="AWS_ROLE_ARN"):
        await spec(provider="aws", url=CODE_COMMIT)
    with pytest.raises(ProviderError, match="serviceAccountName can only be set"):
        await spec(serviceAccountName="full")
