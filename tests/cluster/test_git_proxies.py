"""GitRepository: ``proxySecretRef`` with SOCKS5, and https through a tunnel; only the proxy knows the server."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.support.certificates import CertificateAuthority
from tests.support.git_server import GitServer
from tests.support.proxies import proxy
from tests.support.repo import RepoBuilder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

LOGIN = ("ada", "swordfish")
KIND = "GitRepository"


def port_of(server: GitServer) -> int:
    return urlsplit(server.url("")).port or 0


async def arrives(world: World, repo: RepoBuilder, name: str) -> None:
    async def seen() -> bool:
        artifact = (await world.status(name, KIND)).get("artifact") or {}
        return bool(artifact.get("revision") == f"main@sha1:{repo.head}")

    try:
        await world.eventually(f"{name} arrives", seen)
    except AssertionError as error:
        raise AssertionError(f"{error}: {await world.condition(name, kind=KIND)}") from None


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_socks(world: World, tmp_path: Path, scheme: str) -> None:
    async with GitServer(tmp_path / "srv") as server, proxy({"git.invalid": port_of(server)}, LOGIN) as middle:
        repo = RepoBuilder(server.folder / "fleet.git")
        repo.commit("Begin", {"a.yaml": ""})
        address = f"{scheme}://127.0.0.1:{middle.port}"
        secret = {"address": address, "username": LOGIN[0], "password": LOGIN[1]}
        await world.apply("v1", "Secret", "proxy", stringData=secret)
        far = {"url": "http://git.invalid:8080/fleet.git", "proxySecretRef": {"name": "proxy"}}
        await world.git_repository("far", **far)
        await arrives(world, repo, "far")
        assert set(middle.asked) == {("socks5", "git.invalid", 8080)}

        await world.git_repository("unknown", **(far | {"url": "http://other.invalid/fleet.git"}))
        failure = await world.failed("unknown", kind=KIND, reason="GitOperationFailed")
        assert "the proxy cannot connect to other.invalid: host unreachable" in failure["message"]
        await world.apply("v1", "Secret", "wrong", stringData=secret | {"password": "marlin-99"})
        await world.git_repository("wrong", **(far | {"proxySecretRef": {"name": "wrong"}}))
        failure = await world.failed("wrong", kind=KIND, reason="GitOperationFailed")
        assert "the proxy refuses the user and password" in failure["message"]
        assert "marlin-99" not in failure["message"]
        await world.apply("v1", "Secret", "nobody", stringData={"address": address})
        await world.git_repository("nobody", **(far | {"proxySecretRef": {"name": "nobody"}}))
        failure = await world.failed("nobody", kind=KIND, reason="GitOperationFailed")
        assert "the proxy requires authentication" in failure["message"]
        await world.apply("v1", "Secret", "down", stringData={"address": f"{scheme}://127.0.0.1:1"})
        await world.git_repository("down", **(far | {"proxySecretRef": {"name": "down"}}))
        failure = await world.failed("down", kind=KIND, reason="GitOperationFailed")
        assert "connection refused" in failure["message"]


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_https_through_a_proxy(world: World, tmp_path: Path, scheme: str) -> None:
    """The certificate is the server's, and is checked; the port is one that only the proxy can reach."""
    authority = CertificateAuthority()
    context = authority.server_context(tmp_path / "tls")
    async with GitServer(tmp_path / "srv", tls=context) as server:
        repo = RepoBuilder(server.folder / "fleet.git")
        repo.commit("Begin", {"a.yaml": ""})
        server.users["git"] = "marlin-99"
        async with proxy({"localhost": port_of(server)}, LOGIN) as middle:
            address = f"{scheme}://127.0.0.1:{middle.port}"
            secret = {"address": address, "username": LOGIN[0], "password": LOGIN[1]}
            await world.apply("v1", "Secret", "proxy", stringData=secret)
            login = {"username": "git", "password": "marlin-99"}
            await world.apply("v1", "Secret", "login", stringData=login | {"ca.crt": authority.pem})
            far = {"url": "https://localhost:9/fleet.git", "proxySecretRef": {"name": "proxy"}}
            await world.git_repository("far", secretRef={"name": "login"}, **far)
            await arrives(world, repo, "far")
            assert set(middle.asked) == {("connect" if scheme == "http" else scheme, "localhost", 9)}
            assert {seen.proxy_authorization for seen in server.seen} == {""}, "the login is for the proxy alone"
            await world.apply("v1", "Secret", "trusting", stringData=login)
            await world.git_repository("trusting", secretRef={"name": "trusting"}, **far)
            failure = await world.failed("trusting", kind=KIND, reason="GitOperationFailed")
            assert "the certificate is not trusted" in failure["message"]
