"""A local cluster in a process of its own, started as a user starts it, and stock kubectl."""

from __future__ import annotations

import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.tether import tethered

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__: list[str] = []


class Kubectl:
    """Runs kubectl against one namespace; every method returns what it printed."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace

    def run(self, *arguments: str, text: str | None = None, env: dict[str, str] | None = None) -> tuple[int, str]:
        """Exit code and both streams, in the order in which they were written."""
        command = ["kubectl", f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}", *arguments]
        done = subprocess.run(
            command,
            input=text,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
            env={"PATH": _path(), "HOME": str(self.kubeconfig.parent), **(env or {})},
        )
        return done.returncode, done.stdout.strip()

    def __call__(self, *arguments: str, text: str | None = None, env: dict[str, str] | None = None) -> str:
        code, output = self.run(*arguments, text=text, env=env)
        assert code == 0, f"kubectl {' '.join(arguments)}: {output}"
        return output

    def fails(self, *arguments: str, text: str | None = None) -> str:
        code, output = self.run(*arguments, text=text)
        assert code != 0, f"kubectl {' '.join(arguments)} did not fail: {output}"
        return output


def _path() -> str:
    found = shutil.which("kubectl")
    if found is None:
        pytest.skip("kubectl is not on the PATH")
    return f"{Path(found).parent}:/usr/bin:/bin"


def start_cluster(folder: Path, *options: str) -> tuple[subprocess.Popen[str], Path]:
    """``fairlead cluster start`` in the background; returns when it has said that it serves."""
    kubeconfig = folder / "kubeconfig"
    command = [sys.executable, "-m", "fairlead", "cluster", "start", "--kubeconfig", str(kubeconfig), *options]
    process = subprocess.Popen(tethered(command), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "serves at https://127.0.0.1:" in line, line
    return process, kubeconfig


def stop_cluster(process: subprocess.Popen[str]) -> int:
    process.terminate()
    code = process.wait(timeout=60)
    if process.stdout:
        process.stdout.close()
    return code


@pytest.fixture(scope="session")
def cluster_kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    process, kubeconfig = start_cluster(tmp_path_factory.mktemp("cluster"))
    yield kubeconfig
    assert stop_cluster(process) == 0


@pytest.fixture
def kubectl(cluster_kubeconfig: Path) -> Iterator[Kubectl]:
    """kubectl in a new namespace, which is deleted afterwards."""
    _path()
    namespace = f"t-{uuid.uuid4().hex[:8]}"
    client = Kubectl(cluster_kubeconfig, namespace)
    client("create", "namespace", namespace)
    yield client
    client("delete", "namespace", namespace, "--wait=false")
