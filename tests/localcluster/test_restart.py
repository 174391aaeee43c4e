"""With a data dir the cluster's state survives a restart, also one that nobody announced."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.localcluster.conftest import Kubectl, start_cluster, stop_cluster
from tests.localcluster.test_kubectl import DEFINITION

if TYPE_CHECKING:
    from pathlib import Path


BOAT = """
apiVersion: t.example.com/v1
kind: Boat
metadata: {name: ada}
spec: {length: 1}
"""


def version_of(kubectl: Kubectl, name: str) -> str:
    return str(json.loads(kubectl("get", "configmap", name, "-o", "json"))["metadata"]["resourceVersion"])


def test_state_survives_a_kill(tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path / "data"))
    process, kubeconfig = start_cluster(tmp_path, *data)
    kubectl = Kubectl(kubeconfig, "default")
    kubectl("create", "configmap", "kept", "--from-literal=a=b")
    kubectl("create", "configmap", "gone", "--from-literal=a=b")
    kubectl("apply", "-f", "-", text=DEFINITION.replace("NS", "t"))
    kubectl("wait", "--for=condition=Established", "crd/boats.t.example.com", "--timeout=60s")
    kubectl("apply", "-f", "-", text=BOAT)
    before = version_of(kubectl, "kept")
    kubectl("delete", "configmap", "gone")
    process.kill()
    process.wait(timeout=60)
    assert process.stdout is not None
    process.stdout.close()

    old_config = kubeconfig.read_text()
    port = old_config.rpartition("https://127.0.0.1:")[2].split()[0].strip("\"'")
    process, kubeconfig = start_cluster(tmp_path, *data, "--listen", f"127.0.0.1:{port}")
    try:
        assert kubeconfig.read_text() == old_config, "clients that run go on with what they know"
        assert version_of(kubectl, "kept") == before
        assert "NotFound" in kubectl.fails("get", "configmap", "gone")
        assert kubectl("get", "boat", "ada", "-o", "jsonpath={.spec.length}") == "1"
        kubectl("create", "configmap", "later", "--from-literal=a=b")
        assert int(version_of(kubectl, "later")) > int(before) + 1, "resource versions are never given twice"
    finally:
        assert stop_cluster(process) == 0


def test_two_clusters_do_not_share_a_data_dir(tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path / "data"))
    process, _ = start_cluster(tmp_path, *data)
    try:
        command = [sys.executable, "-m", "fairlead", "cluster", "start", "--kubeconfig", str(tmp_path / "k"), *data]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 1
        assert "is another cluster using this data dir?" in second.stderr
    finally:
        stop_cluster(process)
