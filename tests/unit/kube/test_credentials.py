"""Who we are: tokens in files, exec plugins, certificates."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fairlead.errors import UnavailableError
from fairlead.kube.client import KubeClient
from fairlead.kube.config import ClusterConfig, ExecPlugin, IssuedToken, KubeconfigError
from fairlead.kube.credentials import Credentials, CredentialsError
from fairlead.kube.errors import ForbiddenApiError, ServerUnavailableError
from fairlead.kube.options import ClientOptions
from tests.support.certificates import CertificateAuthority
from tests.support.fake_api import FakeApi

if TYPE_CHECKING:
    from pathlib import Path


SCRIPT = """
import json, os, pathlib, sys
count = pathlib.Path(sys.argv[1])
number = len(count.read_text()) if count.exists() else 0
count.write_text("x" * (number + 1))
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
status = {"token": f"token-{number}-{os.environ['FLAVOUR']}-{info['spec']['interactive']}"}
if len(sys.argv) > 2:
    status["expirationTimestamp"] = sys.argv[2]
print(json.dumps({"apiVersion": info["apiVersion"], "kind": "ExecCredential", "status": status}))
"""


def plugin(tmp_path: Path, script: str = SCRIPT, *arguments: str) -> ExecPlugin:
    path = tmp_path / "plugin.py"
    path.write_text(script)
    return ExecPlugin(sys.executable, (str(path), str(tmp_path / "count"), *arguments), env=(("FLAVOUR", "sweet"),))


def runs(tmp_path: Path) -> int:
    return len((tmp_path / "count").read_text())


async def test_an_exec_plugin_runs_once_and_its_token_is_sent(tmp_path: Path) -> None:
    async with FakeApi() as api:
        config = replace(api.config, exec_plugin=plugin(tmp_path))
        async with KubeClient(config) as client:
            for _ in range(3):
                await client.request("GET", "/api")
        sent = {request.headers["Authorization"] for request in api.requests}
        assert sent == {"Bearer token-0-sweet-False"}
        assert runs(tmp_path) == 1


async def test_a_rejected_token_is_renewed_once(tmp_path: Path) -> None:
    async with FakeApi() as api:
        config = replace(api.config, exec_plugin=plugin(tmp_path))
        async with KubeClient(config) as client:
            api.fail(401, times=1)
            await client.request("GET", "/api")
            assert api.requests[-1].headers["Authorization"] == "Bearer token-1-sweet-False"
            api.fail(401, times=5, reason="Unauthorized", message="who are you?")
            with pytest.raises(ForbiddenApiError, match="who are you"):
                await client.request("GET", "/api")
            assert runs(tmp_path) == 3


async def test_an_expired_credential_is_fetched_again(tmp_path: Path) -> None:
    past, future = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
    for timestamp, same in ((past, False), (future, True)):
        credentials = Credentials(ClusterConfig(server="http://x", exec_plugin=plugin(tmp_path, SCRIPT, timestamp)))
        first = await credentials.current()
        credentials._expires -= 2  # as if two seconds had passed
        assert (await credentials.current() is first) == same


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("import sys; sys.stderr.write('no\\n session'); sys.exit(3)", "failed with exit code 3: no session"),
        ("print('s3cret token')", "printed no ExecCredential"),
        ("print('[]')", "printed no ExecCredential"),
        ('print(\'{"status": {"token": "a", "expirationTimestamp": "soon"}}\')', "that is no time"),
    ],
)
async def test_a_plugin_that_fails_says_why_and_shows_nothing(tmp_path: Path, script: str, expected: str) -> None:
    credentials = Credentials(ClusterConfig(server="http://x", exec_plugin=plugin(tmp_path, script)))
    with pytest.raises(CredentialsError, match=expected) as caught:
        await credentials.current()
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_plugin_that_does_not_exist_gives_its_hint() -> None:
    missing = ExecPlugin("/nonexistent/login", install_hint="install login from the shop")
    credentials = Credentials(ClusterConfig(server="http://x", exec_plugin=missing))
    with pytest.raises(CredentialsError, match=r"cannot be started.*install login from the shop"):
        await credentials.current()


async def test_a_plugin_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairlead.kube.credentials.EXEC_TIMEOUT_SECONDS", 0.2)
    hanging = plugin(tmp_path, "import time; time.sleep(60)")
    with pytest.raises(CredentialsError, match="gave no answer"):
        await Credentials(ClusterConfig(server="http://x", exec_plugin=hanging)).current()


async def test_a_token_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("one\n")
    credentials = Credentials(ClusterConfig(server="http://x", token_file=path))
    assert (await credentials.current()).authorization == "Bearer one"
    path.write_text("two")
    assert (await credentials.current()).authorization == "Bearer one"
    credentials._expires = 0.0  # as if a minute had passed
    assert (await credentials.current()).authorization == "Bearer two"
    path.unlink()
    credentials._expires = 0.0
    with pytest.raises(CredentialsError, match="cannot be read"):
        await credentials.current()


async def test_tokens_and_passwords() -> None:
    assert (await Credentials(ClusterConfig(server="http://x", token="t")).current()).authorization == "Bearer t"
    basic = Credentials(ClusterConfig(server="http://x", username="u", password="p"))
    assert (await basic.current()).authorization == "Basic dTpw"
    assert (await Credentials(ClusterConfig(server="http://x")).current()).authorization == ""


async def test_tls_with_a_private_ca_a_client_certificate_and_another_server_name(tmp_path: Path) -> None:
    authority = CertificateAuthority()
    client = authority.client()
    async with FakeApi(tls=authority.server_context(tmp_path, ask_client=True)) as api:
        config = replace(
            api.config,
            ca=authority.pem.encode(),
            client_cert=client.certificate.encode(),
            client_key=client.key.encode(),
            tls_server_name="localhost",
        )
        once = ClientOptions(retries=0)
        async with KubeClient(config, once) as kube:
            assert await kube.request("GET", "/api")
        for wrong in (
            replace(config, tls_server_name="elsewhere"),
            replace(config, ca=CertificateAuthority().pem.encode()),
            replace(config, client_cert=None, client_key=None),
        ):
            async with KubeClient(wrong, once) as kube:
                with pytest.raises(ServerUnavailableError):
                    await kube.request("GET", "/api")
        async with KubeClient(replace(config, tls_server_name="elsewhere", ca=None, insecure=True), once) as kube:
            assert await kube.request("GET", "/api")


async def test_a_client_certificate_from_an_exec_plugin(tmp_path: Path) -> None:
    authority = CertificateAuthority()
    client = authority.client()
    answer = tmp_path / "answer.json"
    answer.write_text(
        json.dumps({"status": {"clientCertificateData": client.certificate, "clientKeyData": client.key}})
    )
    script = f"print(open({str(answer)!r}).read())"
    async with FakeApi(tls=authority.server_context(tmp_path, ask_client=True)) as api:
        config = replace(api.config, insecure=True, exec_plugin=plugin(tmp_path, script))
        async with KubeClient(config) as kube:
            assert await kube.request("GET", "/api")


def test_certificates_that_cannot_be_used_are_named() -> None:
    for config in (
        ClusterConfig(server="https://x", ca=b"nonsense"),
        ClusterConfig(server="https://x", client_cert=b"nonsense", client_key=b"nonsense"),
    ):
        with pytest.raises(KubeconfigError, match="https://x: the CA or the client certificate cannot be used"):
            Credentials(config)


async def test_an_issued_token_is_renewed_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now, asked = 1000.0, 0
    monkeypatch.setattr("fairlead.kube.credentials.time.monotonic", lambda: now)

    async def issue() -> IssuedToken:
        nonlocal asked
        asked += 1
        return IssuedToken(f"token-{asked}", 600.0)

    credentials = Credentials(ClusterConfig(server="http://x", token_source=issue))
    assert credentials.renewable
    for passed, wanted in ((0.0, "token-1"), (479.0, "token-1"), (2.0, "token-2"), (479.0, "token-2")):
        now += passed
        assert (await credentials.current()).authorization == f"Bearer {wanted}"
    credentials.renew(await credentials.current())
    assert (await credentials.current()).authorization == "Bearer token-3"
    assert "token-4" not in repr(await issue())


async def test_a_token_is_used_to_its_end_while_none_is_issued(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now, asked, down = 1000.0, 0, False
    monkeypatch.setattr("fairlead.kube.credentials.time.monotonic", lambda: now)

    async def issue() -> IssuedToken:
        nonlocal asked
        asked += 1
        if down:
            raise UnavailableError("nobody is there")
        return IssuedToken(f"token-{asked}", 600.0)

    credentials = Credentials(ClusterConfig(server="http://x", token_source=issue))
    await credentials.current()
    down = True
    for passed, questions in ((481.0, 2), (1.0, 2), (5.0, 3), (112.0, 4)):
        now += passed
        assert (await credentials.current()).authorization == "Bearer token-1"
        assert asked == questions
    assert "nobody is there" in caplog.text
    assert "token-1" not in caplog.text
    now += 2.0
    with pytest.raises(UnavailableError):
        await credentials.current()
    down = False
    assert (await credentials.current()).authorization == "Bearer token-6"


async def test_a_token_that_was_refused_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = iter(["token-1"])

    async def issue() -> IssuedToken:
        try:
            return IssuedToken(next(tokens), 600.0)
        except StopIteration:
            raise UnavailableError("nobody is there") from None

    credentials = Credentials(ClusterConfig(server="http://x", token_source=issue))
    credentials.renew(await credentials.current())
    with pytest.raises(UnavailableError):
        await credentials.current()
