"""A real API server for tests: etcd, kube-apiserver and the controllers that keep its promises.

The binaries come from ``KUBEBUILDER_ASSETS`` or from a given folder; ``tests/envtest/install.sh`` prints one. The
controller manager is optional: without it namespaces are not emptied and owners' dependants are not collected. Each
server listens on a free port of 127.0.0.1, keeps everything in its own folder, and does not outlive its starter::

    with EnvTest(assets) as server:
        config = load_config(server.kubeconfig, None, {})
"""

from __future__ import annotations

import contextlib
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.ports import free_port
from tests.support.tether import tethered

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EnvTest", "EnvTestError", "find_assets"]

START_SECONDS = 60.0
STOP_SECONDS = 5.0
CONTROLLERS = (
    "namespace-controller",
    "garbage-collector-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "clusterrole-aggregation-controller",
)
TOKEN = "admintoken"  # opens nothing but a server of this test on this machine

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: envtest
clusters: [{{name: envtest, cluster: {{server: "{url}", certificate-authority: "{ca}"}}}}]
users: [{{name: admin, user: {{token: {token}}}}}]
contexts: [{{name: envtest, context: {{cluster: envtest, user: admin}}}}]
"""


class EnvTestError(RuntimeError):
    """A server could not be started; the message ends with the last lines of its log."""


def find_assets(environ: Mapping[str, str], folder: Path | None = None) -> Path | None:
    """The folder that holds etcd and kube-apiserver, or None."""
    candidates = [Path(environ["KUBEBUILDER_ASSETS"])] if environ.get("KUBEBUILDER_ASSETS") else []
    for candidate in [*candidates, *([folder] if folder is not None else [])]:
        if all((candidate / name).is_file() for name in ("etcd", "kube-apiserver")):
            return candidate
    return None


class EnvTest:
    """One cluster without nodes; a context manager."""

    def __init__(self, assets: Path, folder: Path | None = None) -> None:
        self.url = ""
        self._assets = assets
        self._wanted_folder = folder
        self._processes: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._stack = contextlib.ExitStack()

    @property
    def kubeconfig(self) -> Path:
        return self._folder / "kubeconfig"

    def __enter__(self) -> Self:
        self._folder = self._wanted_folder or Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the servers, the last one first; what they wrote goes with a temporary folder."""
        for _, process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        self._stack.close()

    def _start(self) -> None:
        etcd = self._start_etcd()
        port = free_port()
        self.url = f"https://127.0.0.1:{port}"
        self._start_api_server(etcd, port)
        ca = self._folder / "certs" / "apiserver.crt"
        self.kubeconfig.write_text(KUBECONFIG.format(url=self.url, ca=ca, token=TOKEN))
        self._wait_until_ready()
        if (self._assets / "kube-controller-manager").is_file():
            self._start_controllers()

    def _start_etcd(self) -> str:
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._run(
            "etcd",
            f"--data-dir={self._folder / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        )
        return client

    def _start_api_server(self, etcd: str, port: int) -> None:
        key = self._write_service_account_key()
        tokens = self._folder / "tokens.csv"
        tokens.write_text(f'{TOKEN},admin,admin,"system:masters"\n')
        self._run(
            "kube-apiserver",
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={self._folder / 'certs'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-jwks-uri={self.url}/openid/v1/jwks",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/16",
            "--disable-admission-plugins=ServiceAccount",
            "--allow-privileged=true",
        )

    def _start_controllers(self) -> None:
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}",
            f"--controllers={','.join(CONTROLLERS)}",
            "--leader-elect=false",
            "--secure-port=0",
        )

    def _run(self, name: str, *arguments: str) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            command = tethered([str(self._assets / name), *arguments])
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self._folder
            )
        self._processes.append((name, process))

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for name, process in self._processes:
                if process.poll() is not None:
                    raise EnvTestError(f"{name} ended with {process.returncode}:\n{self._log_end(name)}")
            if self._ready():
                return
            time.sleep(0.1)
        raise EnvTestError(f"not ready after {START_SECONDS:.0f} s:\n{self._log_end('kube-apiserver')}")

    def _ready(self) -> bool:
        request = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": f"Bearer {TOKEN}"})
        try:
            context = ssl.create_default_context(cafile=str(self._folder / "certs" / "apiserver.crt"))
            with urllib.request.urlopen(request, timeout=2, context=context) as answer:
                return bool(answer.status == 200)
        except (OSError, ssl.SSLError, urllib.error.URLError):
            return False

    def _log_end(self, name: str) -> str:
        return "\n".join((self._folder / f"{name}.log").read_text(errors="replace").splitlines()[-15:])

    def _write_service_account_key(self) -> Path:
        path = self._folder / "service-account.key"
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
            )
        )
        return path
