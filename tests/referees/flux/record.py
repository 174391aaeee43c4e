"""Hands a fleet from Flux's kustomize-controller to Fairlead and back on a real API server, and records every object.

::

    python -m tests.referees.flux.record ASSETS CONTROLLER CRDS...

ASSETS is the folder of etcd and kube-apiserver, CONTROLLER the program that was built from Flux's kustomize-controller,
CRDS are Flux's own definitions. Its source-controller is played: an archive is served and the status of the
GitRepository is written as its API says. The answer is ``handover.json``: all objects after each of the three rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
import tempfile
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from fairlead.controllers.manager import Manager
from fairlead.errors import FairleadError
from fairlead.kube.client import KubeClient, PatchType
from fairlead.kube.config import load_config
from fairlead.objects.ref import GroupKind, ObjectRef
from fairlead.objects.yaml import load
from fairlead.settings import ReconcileSettings, ScopeSettings, Settings, StorageSettings
from tests.referees.flux import fleet
from tests.support.envtest import EnvTest
from tests.support.git_server import GitServer
from tests.support.repo import RepoBuilder
from tests.support.tether import tethered
from tests.support.workloads import run_workloads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ANSWERS = Path(__file__).with_name("handover.json")
KUSTOMIZATION = GroupKind("kustomize.toolkit.fluxcd.io", "Kustomization")
KINDS = (
    GroupKind("source.toolkit.fluxcd.io", "GitRepository"),
    KUSTOMIZATION,
    GroupKind("", "ConfigMap"),
    GroupKind("", "Secret"),
    GroupKind("", "Service"),
    GroupKind("apps", "Deployment"),
    GroupKind(fleet.GROUP, "Widget"),
    GroupKind("", "Event"),
)
TOKEN = {"flux": "1", "fairlead": "2", "back": "3"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assets", type=Path)
    parser.add_argument("controller", type=Path)
    parser.add_argument("crds", type=Path, nargs="+")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, EnvTest(arguments.assets) as server:
        recorder = Recorder(server.kubeconfig, arguments.controller, Path(folder))
        answers = asyncio.run(recorder.run([load(path.read_bytes()) for path in arguments.crds]))
    ANSWERS.write_text(json.dumps(answers, separators=(",", ":"), sort_keys=True) + "\n")


class Recorder:
    def __init__(self, kubeconfig: Path, controller: Path, folder: Path) -> None:
        self._kubeconfig = kubeconfig
        self._controller = controller
        self._folder = folder
        self._server = GitServer(folder / "git")
        self._repo = RepoBuilder(folder / "git" / "fleet.git")
        self._archive = b""

    async def run(self, crds: list[dict[str, Any]]) -> dict[str, Any]:
        async with self.prepared(crds) as (commit, address):
            rounds = {"flux": await self._flux("flux")}
            rounds["fairlead"] = await self._fairlead("fairlead")
            await self._play_source(commit, address)
            rounds["back"] = await self._flux("back")
        return {name: self._without_machine(objects, commit, address) for name, objects in rounds.items()}

    @asynccontextmanager
    async def prepared(self, crds: list[dict[str, Any]]) -> AsyncIterator[tuple[str, str]]:
        """The fleet before any engine has come, its commit, and the address of the archive."""
        commit = self._repo.commit("Begin", fleet.files())
        self._archive = pack(fleet.files())
        config = load_config(self._kubeconfig, None, {})
        async with KubeClient(config) as client, self._serve() as address, self._server:
            self._client = client
            helper = asyncio.create_task(run_workloads(client))
            await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": fleet.NAMESPACE}})
            for crd in crds:
                await client.apply(crd, field_manager="flux")
            for manager, manifest in fleet.made_before():
                await client.create(manifest, field_manager=manager)
            for manifest in [fleet.git_repository(self._server.url("fleet.git")), *fleet.kustomizations()]:
                await self._put(manifest)
            await self._play_source(commit, address)
            yield commit, address
            helper.cancel()
            await asyncio.gather(helper, return_exceptions=True)

    async def _put(self, manifest: dict[str, Any]) -> None:
        async with asyncio.timeout(30):
            while True:  # until its definition is served
                try:
                    await self._client.apply(manifest, field_manager="flux-client")
                except FairleadError:  # the time limit tells
                    await asyncio.sleep(0.5)
                else:
                    return

    # -- the three rounds ------------------------------------------------------------------------------------------

    async def _flux(self, name: str) -> list[dict[str, Any]]:
        with self.controller(name):
            return await self.settled(name)

    @contextmanager
    def controller(self, name: str, *flags: str) -> Iterator[None]:
        """Flux's kustomize-controller at work."""
        environment = {**os.environ, "KUBECONFIG": str(self._kubeconfig), "RUNTIME_NAMESPACE": fleet.NAMESPACE}
        usual = ["--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0", "--requeue-dependency=1s"]
        with (self._folder / f"{name}.log").open("wb") as log:
            command = tethered([str(self._controller), *usual, *flags])
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            try:
                yield
            except TimeoutError:
                print((self._folder / f"{name}.log").read_text()[-3000:])
                raise
            finally:
                process.terminate()
                process.wait()

    @property
    def settings(self) -> Settings:
        return Settings(
            storage=StorageSettings(folder=self._folder / "state"),
            scope=ScopeSettings(namespace=fleet.NAMESPACE, local_repositories=True),
            reconcile=ReconcileSettings(build_workers=0),
            runtime_namespace=fleet.NAMESPACE,
        )

    async def _fairlead(self, name: str) -> list[dict[str, Any]]:
        async with KubeClient(load_config(self._kubeconfig, None, {})) as client:
            work = asyncio.create_task(Manager(self.settings, client).run())
            try:
                return await self.settled(name)
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)

    async def settled(self, name: str) -> list[dict[str, Any]]:
        """All objects when each Kustomization has handled the request of this round."""
        for each in fleet.kustomizations():
            ref = ObjectRef.of(each)
            body = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": TOKEN.get(name, name)}}}
            await self._client.patch(ref, body, PatchType.MERGE, field_manager="flux-client")
        async with asyncio.timeout(60):
            while not await self._handled(name):  # noqa: ASYNC110 - the server says nothing by itself
                await asyncio.sleep(0.5)
        if name == "flux":
            for manager, manifest, change in fleet.changed_after():
                await self._client.patch(ObjectRef.of(manifest), change, PatchType.MERGE, field_manager=manager)
        await asyncio.sleep(2)  # events are written behind
        name = f"widgets.{fleet.GROUP}"
        definition = await self._client.get(ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", name))
        return [definition, *[item for kind in KINDS for item in await self._list(kind)]]

    async def _handled(self, name: str) -> bool:
        for item in await self._list(KUSTOMIZATION):
            if item["spec"].get("suspend"):
                continue
            status = item.get("status") or {}
            if status.get("lastHandledReconcileAt") != TOKEN.get(name, name):
                return False
            ready = next((each for each in status.get("conditions") or () if each["type"] == "Ready"), None)
            wanted = "False" if item["metadata"]["name"] == fleet.FAILING else "True"
            if ready is None or ready["status"] != wanted:
                return False
        return True

    async def _list(self, kind: GroupKind) -> list[dict[str, Any]]:
        return (await self._client.list(kind, namespace=fleet.NAMESPACE)).items

    # -- the played source -----------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _serve(self) -> AsyncIterator[str]:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=self._archive)

        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"127.0.0.1:{runner.addresses[0][1]}"
        await runner.cleanup()

    async def _play_source(self, commit: str, address: str) -> None:
        live = await self._client.get(ObjectRef.of(fleet.git_repository("")))
        path = f"gitrepository/{fleet.NAMESPACE}/fleet/{commit}.tar.gz"
        now = live["metadata"]["creationTimestamp"]
        text = {"message": f"stored artifact for revision 'main@sha1:{commit}'", "reason": "Succeeded"}
        common = {"status": "True", "observedGeneration": live["metadata"]["generation"], "lastTransitionTime": now}
        live["metadata"]["finalizers"] = ["finalizers.fluxcd.io"]
        live = await self._client.replace(live, field_manager="source-controller")
        live["status"] = {
            "artifact": {
                "digest": f"sha256:{hashlib.sha256(self._archive).hexdigest()}",
                "lastUpdateTime": now,
                "path": path,
                "revision": f"main@sha1:{commit}",
                "size": len(self._archive),
                "url": f"http://{address}/{path}",
            },
            "conditions": [{"type": type, **text, **common} for type in ("Ready", "ArtifactInStorage")],
            "observedGeneration": live["metadata"]["generation"],
        }
        await self._client.replace(live, subresource="status", field_manager="source-controller")

    def _without_machine(self, objects: list[dict[str, Any]], commit: str, address: str) -> Any:
        text = json.dumps([item for item in objects if item["metadata"]["name"] != "kube-root-ca.crt"])
        for old, new in ((self._server.url("fleet.git"), "URL"), (commit, "COMMIT"), (address, "source.example.org")):
            text = text.replace(old, new)
        return json.loads(re.sub(r"/tmp/kustomization-\d+", "FOLDER", text))


def pack(files: dict[str, str]) -> bytes:
    """A tar.gz as source-controller would serve it."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(text.encode()), 0o644
            archive.addfile(info, io.BytesIO(text.encode()))
    return target.getvalue()


if __name__ == "__main__":
    main()
