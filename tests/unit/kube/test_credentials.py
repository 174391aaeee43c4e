"""Who we are: tokens in files, exec plugins, certificates."""

from __future__ import annotations

import datetime
import json
import ssl
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fairlead.kube.client import KubeClient
from fairlead.kube.config import ClusterConfig, ExecPlugin, KubeconfigError
from fairlead.kube.credentials import Credentials, CredentialsError
from fairlead.kube.errors import ForbiddenApiError, ServerUnavailableError
from fairlead.kube.options import ClientOptions
from tests.support.fake_api import FakeApi

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

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


class Authority:
    """A throwaway certificate authority."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.cert = self._sign("ca", self.key, ca=True)

    def issue(self, name: str) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        return _pem(self._sign(name, key)), _key_pem(key)

    @property
    def pem(self) -> bytes:
        return _pem(self.cert)

    def _sign(self, name: str, key: EllipticCurvePrivateKey, *, ca: bool = False) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = subject if ca else self.cert.subject
        identifier = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("api.test")]), critical=False)
            .add_extension(authority, critical=False)
            .add_extension(own, critical=False)
            .sign(self.key, hashes.SHA256())
        )


def _pem(cert: x509.Certificate) -> bytes:
    return cert.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


async def test_tls_with_a_private_ca_a_client_certificate_and_another_server_name(tmp_path: Path) -> None:
    authority = Authority()
    server_cert, server_key = authority.issue("server")
    client_cert, client_key = authority.issue("client")
    for name, content in (("cert", server_cert), ("key", server_key)):
        (tmp_path / name).write_bytes(content)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.pem.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    async with FakeApi(tls=context) as api:
        config = replace(
            api.config,
            ca=authority.pem,
            client_cert=client_cert,
            client_key=client_key,
            tls_server_name="api.test",
        )
        once = ClientOptions(retries=0)
        async with KubeClient(config, once) as client:
            assert await client.request("GET", "/api")
        for wrong in (
            replace(config, tls_server_name=""),  # 127.0.0.1 is not in the certificate
            replace(config, ca=Authority().pem),
            replace(config, client_cert=None, client_key=None),
        ):
            async with KubeClient(wrong, once) as client:
                with pytest.raises(ServerUnavailableError):
                    await client.request("GET", "/api")
        async with KubeClient(replace(config, tls_server_name="", ca=None, insecure=True), once) as client:
            assert await client.request("GET", "/api")


async def test_a_client_certificate_from_an_exec_plugin(tmp_path: Path) -> None:
    authority = Authority()
    server_cert, server_key = authority.issue("server")
    for name, content in (("cert", server_cert), ("key", server_key)):
        (tmp_path / name).write_bytes(content)
    client_cert, client_key = authority.issue("client")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.pem.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    status = {"clientCertificateData": client_cert.decode(), "clientKeyData": client_key.decode()}
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps({"status": status}))
    script = f"print(open({str(answer)!r}).read())"
    async with FakeApi(tls=context) as api:
        config = replace(api.config, insecure=True, exec_plugin=plugin(tmp_path, script))
        async with KubeClient(config) as client:
            assert await client.request("GET", "/api")


def test_certificates_that_cannot_be_used_are_named() -> None:
    for config in (
        ClusterConfig(server="https://x", ca=b"nonsense"),
        ClusterConfig(server="https://x", client_cert=b"nonsense", client_key=b"nonsense"),
    ):
        with pytest.raises(KubeconfigError, match="https://x: the CA or the client certificate cannot be used"):
            Credentials(config)
