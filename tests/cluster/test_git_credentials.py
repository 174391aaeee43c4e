"""GitRepository: every key of every Secret opens the door of a server that is closed without it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from fairlead.settings import AwsSettings, AzureSettings, CloudSettings
from fairlead.sources.aws import signed_password
from fairlead.sources.spec import AwsKeys
from tests.support.aws import ROLE, fake_sts
from tests.support.azure import fake_authority
from tests.support.certificates import CertificateAuthority
from tests.support.git_server import GitServer
from tests.support.github import PEM, fake_github
from tests.support.proxies import proxy
from tests.support.repo import RepoBuilder
from tests.support.ssh_server import GitSshServer, make_key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World


async def opens(world: World, name: str, repo: RepoBuilder, secret: dict[str, str], **spec: Any) -> None:
    """The repository arrives with the Secret."""
    await world.apply("v1", "Secret", name, stringData=secret)
    await world.git_repository(name, secretRef={"name": name}, **spec)

    async def arrived() -> bool:
        artifact = (await world.status(name, "GitRepository")).get("artifact") or {}
        return bool(artifact.get("revision") == f"main@sha1:{repo.head}")

    try:
        await world.eventually(f"{name} arrives", arrived)
    except AssertionError as error:
        raise AssertionError(f"{error}: {await world.condition(name, kind='GitRepository')}") from None


async def refused(world: World, name: str, secret: dict[str, str], reason: str, **spec: Any) -> str:
    """The message of a repository that does not arrive with the Secret."""
    await world.apply("v1", "Secret", name, stringData=secret)
    await world.git_repository(name, secretRef={"name": name}, **spec)
    message: str = (await world.failed(name, kind="GitRepository", reason=reason))["message"]
    assert not any(value in message for value in secret.values() if len(value) > 3), "no secret is shown"
    return message


async def test_user_and_password_or_token(world: World, tmp_path: Path) -> None:
    async with GitServer(tmp_path / "srv") as server:
        repo = RepoBuilder(server.folder / "fleet.git")
        repo.commit("Begin", {"a.yaml": ""})
        server.users["ada"] = "swordfish"
        server.tokens.add("token-4711")
        url = server.url("fleet.git")
        await opens(world, "basic", repo, {"username": "ada", "password": "swordfish"}, url=url)
        await opens(world, "bearer", repo, {"bearerToken": "token-4711"}, url=url)
        assert {seen.authorization.split()[0] for seen in server.seen if seen.authorization} == {"Basic", "Bearer"}
        wrong = {"username": "ada", "password": "marlin-99"}
        assert "credentials were refused" in await refused(world, "wrong", wrong, "GitOperationFailed", url=url)
        half = await refused(world, "half", {"username": "ada"}, "AuthenticationFailed", url=url)
        assert "'username' and 'password' must be set together" in half
        await world.git_repository("nobody", url=url)
        failure = await world.failed("nobody", kind="GitRepository")
        assert "authentication required" in failure["message"]


@pytest.mark.parametrize("key", ["ca.crt", "caFile"])
async def test_private_authority_and_client_certificate(world: World, tmp_path: Path, key: str) -> None:
    authority = CertificateAuthority()
    client = authority.client()
    context = authority.server_context(tmp_path / "tls", ask_client=True)
    async with GitServer(tmp_path / "srv", tls=context) as server:
        repo = RepoBuilder(server.folder / "fleet.git")
        repo.commit("Begin", {"a.yaml": ""})
        url = server.url("fleet.git")
        secret = {key: authority.pem, "tls.crt": client.certificate, "tls.key": client.key}
        await opens(world, "mutual", repo, secret, url=url)
        message = await refused(
            world, "stranger", {"tls.crt": client.certificate, "tls.key": client.key}, "GitOperationFailed", url=url
        )
        assert "the certificate is not trusted" in message
        await refused(world, "anonymous", {key: authority.pem}, "GitOperationFailed", url=url)


async def test_ssh_identity_known_hosts_and_passphrase(world: World, tmp_path: Path) -> None:
    plain, public = make_key()
    locked, other = make_key(passphrase="open sesame")
    async with GitSshServer(tmp_path / "srv", [public, other]) as server:
        repo = RepoBuilder(server.folder / "fleet.git")
        repo.commit("Begin", {"a.yaml": ""})
        url, hosts = server.url("fleet.git"), server.known_hosts
        await opens(world, "plain", repo, {"identity": plain, "known_hosts": hosts}, url=url)
        secret = {"identity": locked, "known_hosts": hosts, "password": "open sesame"}
        await opens(world, "locked", repo, secret, url=url)
        wrong = secret | {"password": "close sesame"}
        await refused(world, "wrong", wrong, "", url=url)
        message = await refused(world, "hosts", {"identity": plain}, "AuthenticationFailed", url=url)
        assert "known_hosts" in message
        stranger = make_key()[0]
        await refused(world, "stranger", {"identity": stranger, "known_hosts": hosts}, "GitOperationFailed", url=url)


@pytest.mark.parametrize("by", [{"githubAppInstallationID": "42"}, {"githubAppInstallationOwner": "ada"}])
async def test_github_app(world: World, tmp_path: Path, by: dict[str, str]) -> None:
    async with GitServer(tmp_path / "srv") as server, fake_github() as github:
        repo = RepoBuilder(server.folder / "fleet.git")
        repo.commit("Begin", {"a.yaml": ""})
        server.users["x-access-token"] = "ghs_1"
        url = server.url("fleet.git")
        app = {"githubAppID": "7", "githubAppPrivateKey": PEM, "githubAppBaseURL": github.url} | by
        await opens(world, "app", repo, app, url=url, provider="github")
        assert github.given == 1
        reason = "InvalidProviderConfiguration"
        assert "not set to github" in await refused(world, "generic", app, reason, url=url, provider="generic")
        assert (await world.condition("generic", "Stalled", kind="GitRepository"))["reason"] == reason
        assert "no github app data" in await refused(
            world, "basic", {"username": "ada", "password": "swordfish"}, reason, url=url, provider="github"
        )


async def test_github_app_of_a_private_authority(world: World, tmp_path: Path) -> None:
    """``ca.crt`` is for both: the server that gives the token, and the one with the repository."""
    authority = CertificateAuthority()
    context = authority.server_context(tmp_path / "tls")
    async with GitServer(tmp_path / "srv", tls=context) as server, fake_github(context) as github:
        repo = RepoBuilder(server.folder / "fleet.git")
        repo.commit("Begin", {"a.yaml": ""})
        server.users["x-access-token"] = "ghs_1"
        url = server.url("fleet.git")
        app = {"githubAppID": "7", "githubAppPrivateKey": PEM, "githubAppInstallationID": "42"}
        app |= {"githubAppBaseURL": github.url}
        await opens(world, "app", repo, app | {"ca.crt": authority.pem}, url=url, provider="github")
        await world.apply("v1", "Secret", "trusting", stringData=app)
        await world.git_repository("trusting", secretRef={"name": "trusting"}, url=url, provider="github")
        failure = await world.failed("trusting", kind="GitRepository", reason="GitOperationFailed")
        assert github.url in failure["message"]
        assert "Certificate" in failure["message"]


async def test_azure_by_the_identity_of_an_account(world: World, tmp_path: Path) -> None:
    """The account's own token is exchanged at the authority for one that opens the server."""
    authority = CertificateAuthority()
    context = authority.server_context(tmp_path / "tls")
    async with GitServer(tmp_path / "srv", tls=context) as server, fake_authority() as azure:
        await world.stop()
        cloud = CloudSettings(azure=AzureSettings(authority_host=azure.url, tenant_id="tenant-3"))
        world.settings = replace(world.settings, cloud=cloud)
        await world.start()
        repo = RepoBuilder(server.folder / "fleet.git")
        repo.commit("Begin", {"a.yaml": ""})
        server.tokens.add("azure-token-1")
        spec = {"url": server.url("fleet.git"), "provider": "azure", "serviceAccountName": "reader"}
        secret = {"ca.crt": authority.pem}
        missing = await refused(world, "early", secret, "AuthenticationFailed", **spec)
        assert f"ServiceAccount '{world.namespace}/reader' not found" in missing
        key = "azure.workload.identity/client-id"
        await world.apply("v1", "ServiceAccount", "reader", annotations={key: "client-7"})
        await opens(world, "azure", repo, secret, **spec)
        claims = json.loads(base64.urlsafe_b64decode(azure.assertions[0].split(".")[1] + "=="))
        assert claims["aud"] == ["api://AzureADTokenExchange"]
        assert claims["sub"] == f"system:serviceaccount:{world.namespace}:reader"
        await world.apply("v1", "ServiceAccount", "stranger", annotations={key: "client-8"})
        spec["serviceAccountName"] = "stranger"
        assert "AADSTS700211" in await refused(world, "stranger", secret, "GitOperationFailed", **spec)
        own = {"provider": "azure", "url": spec["url"]}
        message = await refused(world, "own", secret, "InvalidProviderConfiguration", **own)
        assert "the controllers' identity in Azure is sent to dev.azure.com" in message


async def test_aws_by_the_role_of_an_account(world: World, tmp_path: Path) -> None:
    """The account's token brings the keys of its role, which sign the address; a proxy stands in for AWS's names."""
    host, path = "git-codecommit.eu-west-1.amazonaws.com", "/v1/repos/fleet"
    authority = CertificateAuthority(hosts=(host,))
    context = authority.server_context(tmp_path / "tls")
    async with (
        GitServer(tmp_path / "srv", tls=context) as server,
        fake_sts() as sts,
        proxy({host: urlsplit(server.url("")).port or 0, "sts.invalid": sts.port}) as middle,
    ):
        await world.stop()
        cloud = CloudSettings(aws=AwsSettings(sts_endpoint="http://sts.invalid"))
        world.settings = replace(world.settings, cloud=cloud)
        await world.start()
        repo = RepoBuilder(server.folder / path.strip("/"))
        repo.commit("Begin", {"a.yaml": ""})
        await world.apply("v1", "Secret", "proxy", stringData={"address": f"socks5://127.0.0.1:{middle.port}"})
        spec: dict[str, Any] = {"url": f"https://{host}{path}", "provider": "aws", "serviceAccountName": "reader"}
        spec["proxySecretRef"] = {"name": "proxy"}
        key = "eks.amazonaws.com/role-arn"
        await world.apply("v1", "ServiceAccount", "reader", annotations={key: ROLE})
        await opens(world, "aws", repo, {"ca.crt": authority.pem}, **spec)
        claims = json.loads(base64.urlsafe_b64decode(sts.forms[0]["WebIdentityToken"].split(".")[1] + "=="))
        assert claims["aud"] == ["sts.amazonaws.com"]
        assert sts.forms[0]["RoleSessionName"] == f"reader.{world.namespace}.fairlead"[:64]
        user, _, password = base64.b64decode(server.seen[0].authorization.split()[1]).decode().partition(":")
        assert user == "ASIA1%session/1+="
        moment = datetime.strptime(password.partition("Z")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        assert password == signed_password(AwsKeys("ASIA1", "hush-1"), "eu-west-1", host, path, moment)
        await world.apply("v1", "ServiceAccount", "stranger", annotations={key: "arn:aws:iam::1:role/other"})
        spec["serviceAccountName"] = "stranger"
        secret = {"ca.crt": authority.pem}
        assert "(403 AccessDenied)" in await refused(world, "stranger", secret, "GitOperationFailed", **spec)


async def test_proxy(world: World, tmp_path: Path) -> None:
    """The Git server itself plays the proxy: a client that uses one sends it the whole URL."""
    async with GitServer(tmp_path / "srv") as server:
        repo = RepoBuilder(server.folder / "fleet.git")
        repo.commit("Begin", {"a.yaml": ""})
        address = server.url("").rstrip("/")
        secret = {"address": address, "username": "ada", "password": "swordfish"}
        await world.apply("v1", "Secret", "proxy", stringData=secret)
        server.users["git"] = "marlin-99"
        login = {"username": "git", "password": "marlin-99"}
        far = {"url": "http://git.invalid/fleet.git", "proxySecretRef": {"name": "proxy"}}
        await opens(world, "far", repo, login, **far)
        assert {seen.proxy_authorization for seen in server.seen} == {"Basic YWRhOnN3b3JkZmlzaA=="}
        await world.apply("v1", "Secret", "proxy", stringData={"address": "http://127.0.0.1:1"})
        await world.git_repository("down", **far)
        failure = await world.failed("down", kind="GitRepository")
        assert "connection refused" in failure["message"]


async def test_credentials_do_not_follow_to_another_host(world: World, tmp_path: Path) -> None:
    async with GitServer(tmp_path / "front") as front, GitServer(tmp_path / "srv") as server:
        repo = RepoBuilder(server.folder / "fleet.git")
        repo.commit("Begin", {"a.yaml": ""})
        front.redirects["/moved.git"] = server.url("fleet.git")
        login = {"username": "ada", "password": "swordfish"}
        await opens(world, "moved", repo, login, url=front.url("moved.git"))
        assert {seen.authorization for seen in server.seen} == {""}
        assert "" not in {seen.authorization for seen in front.seen}
