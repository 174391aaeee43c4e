"""From a GitRepository and its Secrets to a Git source."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest

from fairlead.api.gitrepository import GitRepository
from fairlead.controllers.gitspec import ProviderError, git_spec
from fairlead.controllers.references import ReferenceNotFoundError, References


class Secrets:
    def __init__(self, **secrets: dict[str, bytes]) -> None:
        self._secrets = secrets

    async def secret(self, namespace: str, name: str) -> dict[str, bytes]:
        if name not in self._secrets:
            raise ReferenceNotFoundError(f"Secret '{namespace}/{name}' not found")
        return self._secrets[name]


async def spec(secrets: Secrets | None = None, **fields: Any) -> Any:
    wanted = {"url": "https://example.com/x.git", "interval": "1m", **fields}
    manifest = {"metadata": {"name": "x", "namespace": "ns"}, "spec": wanted}
    repository = msgspec.convert(manifest, GitRepository)
    return await git_spec(repository, cast("References", secrets or Secrets()), ())


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
