"""Starts Fairlead beside Flux's kustomize-controller on a real API server, and tells what it did.

::

    python -m tests.referees.flux.beside ASSETS CONTROLLER CRDS...

Once with leader election, once without and with the Deployment that an installation has. Fairlead has to wait without
one write, begin when the controller ends, and end when it begins again.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.controllers.manager import Manager
from fairlead.controllers.neighbours import FluxAtWorkError
from fairlead.kube.client import KubeClient
from fairlead.kube.config import load_config
from fairlead.objects.yaml import load
from tests.referees.flux import fleet
from tests.referees.flux.record import Recorder
from tests.support.envtest import EnvTest

if TYPE_CHECKING:
    from fairlead.kube.config import ClusterConfig

LABELS = {"app.kubernetes.io/part-of": "flux", "app.kubernetes.io/component": "kustomize-controller"}
SECONDS = 10.0
WRITES = ("create", "update", "patch", "apply", "delete")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assets", type=Path)
    parser.add_argument("controller", type=Path)
    parser.add_argument("crds", type=Path, nargs="+")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="  %(message)s")
    crds = [load(path.read_bytes()) for path in arguments.crds]
    for flags in (["--enable-leader-election"], ["--enable-leader-election=false"]):
        print(f"kustomize-controller {flags[0]}")
        with tempfile.TemporaryDirectory() as folder, EnvTest(arguments.assets) as server:
            recorder = Recorder(server.kubeconfig, arguments.controller, Path(folder))
            config = load_config(server.kubeconfig, None, {})
            asyncio.run(_play(recorder, config, crds, flags))


async def _play(recorder: Recorder, config: ClusterConfig, crds: list[dict[str, Any]], flags: list[str]) -> None:
    deployed = flags[0].endswith("=false")
    async with recorder.prepared(crds), KubeClient(config) as client, KubeClient(config) as hand:
        with recorder.controller("first", *flags):
            await _scale(hand, 1 if deployed else None)
            before = _state(await recorder.settled("flux"))
            manager = Manager(recorder.settings, client)
            work = asyncio.create_task(manager.run())
            await asyncio.sleep(SECONDS)
            after = _state(await recorder.settled("again"))  # Flux goes on alone
            writes = {str(key): count for key, count in client.stats.items() if key[0] in WRITES}
            print(f"  beside it for {SECONDS:g} s: Fairlead wrote {writes or 'nothing'}")
            print(f"  objects that changed: {sorted(key for key in before if before[key] != after[key]) or 'none'}")
        await _scale(hand, 0 if deployed else None)
        ended = time.monotonic()
        await manager.started.wait()
        print(f"  began {time.monotonic() - ended:.1f} s after the controller had ended")
        after = _state(await recorder.settled("ours"))
        print(f"  objects that changed: {sorted(key for key in before if before[key] != after[key]) or 'none'}")
        with recorder.controller("second", *flags):
            came = time.monotonic()
            await _scale(hand, 1 if deployed else None)
            try:
                await work
            except FluxAtWorkError as error:
                print(f"  ended {time.monotonic() - came:.1f} s after the controller had come: {error}")


async def _scale(client: KubeClient, replicas: int | None) -> None:
    """The Deployment of an installation; on this server nothing comes of it."""
    if replicas is None:
        return
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "manager", "image": "flux"}]}}
    metadata = {"name": "kustomize-controller", "namespace": fleet.NAMESPACE, "labels": LABELS}
    spec = {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    await client.apply(deployment, field_manager="kubectl")


def _state(objects: list[dict[str, Any]]) -> dict[str, Any]:
    own = ("Event", "GitRepository", "Kustomization")
    return {
        f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"]
        for item in objects
        if item["kind"] not in own and item["metadata"]["name"] != "kustomize-controller"
    }


if __name__ == "__main__":
    main()
