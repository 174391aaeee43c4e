"""Runs the commands of the ``flux`` program against a fleet that Fairlead delivers on a real API server.

::

    python -m tests.referees.flux.commands ASSETS FLUX CRDS...

FLUX is the program; CRDS are Flux's own definitions. Each command, its exit code and what it printed are written to
``commands.json``, together with what the commands left in the resources.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.controllers.manager import Manager
from fairlead.kube.client import KubeClient
from fairlead.kube.config import load_config
from fairlead.objects.ref import ObjectRef
from fairlead.objects.yaml import load
from tests.referees.flux import fleet
from tests.referees.flux.record import Recorder
from tests.support.envtest import EnvTest

if TYPE_CHECKING:
    from fairlead.kube.config import ClusterConfig

ANSWERS = Path(__file__).with_name("commands.json")
COMMANDS = (
    "get sources git",
    "get kustomizations",
    "get all",
    "get kustomizations --status-selector ready=false",
    "tree kustomization apps",
    "trace deployment web",
    "trace extra --kind ConfigMap --api-version v1",
    "reconcile source git fleet",
    "reconcile kustomization paused",
    "reconcile kustomization apps --with-source",
    "reconcile kustomization broken",
    "suspend kustomization paused",
    "get kustomization paused",
    "resume kustomization paused",
    "suspend source git fleet",
    "resume source git fleet",
    "events --for Kustomization/paused",
    "export source git fleet",
    "export kustomization paused",
    "diff kustomization paused --path FOLDER/paused",
    "diff kustomization paused --path FOLDER/held",
    "build kustomization paused --path FOLDER/paused",
    "debug kustomization checked --show-vars",
    "stats",
    "delete kustomization paused --silent",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assets", type=Path)
    parser.add_argument("flux", type=Path)
    parser.add_argument("crds", type=Path, nargs="+")
    arguments = parser.parse_args()
    crds = [load(path.read_bytes()) for path in arguments.crds]
    with tempfile.TemporaryDirectory() as name, EnvTest(arguments.assets) as server:
        folder = Path(name)
        recorder = Recorder(server.kubeconfig, arguments.flux, folder)
        config = load_config(server.kubeconfig, None, {})
        answers = asyncio.run(_play(recorder, config, crds, arguments.flux, server.kubeconfig, folder))
    ANSWERS.write_text(json.dumps(answers, indent=1) + "\n")


async def _play(
    recorder: Recorder, config: ClusterConfig, crds: list[dict[str, Any]], flux: Path, kubeconfig: Path, folder: Path
) -> list[dict[str, Any]]:
    for path, text in fleet.files().items():
        target = folder / "files" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    answers = []
    async with recorder.prepared(crds) as (commit, _), KubeClient(config) as client, KubeClient(config) as hand:
        work = asyncio.create_task(Manager(recorder.settings, client).run())
        await recorder.settled("begin")
        for command in COMMANDS:
            text = command.replace("FOLDER", str(folder / "files"))
            answer = await _run([str(flux), *text.split(), "-n", fleet.NAMESPACE, "--timeout=20s"], kubeconfig)
            answer["stdout"], answer["stderr"] = (
                _plain(answer[stream], commit, str(folder)) for stream in ("stdout", "stderr")
            )
            answers.append({"command": command, **answer, "left": await _left(hand, command)})
            print(f"$ flux {command}\n{answer['stdout']}{answer['stderr']}[{answer['code']}]")
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    return answers


async def _run(command: list[str], kubeconfig: Path) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        stdout, stderr = await process.communicate()
    return {"code": process.returncode, "stdout": stdout.decode(), "stderr": stderr.decode()}


async def _left(client: KubeClient, command: str) -> dict[str, Any]:
    """What a command that writes has written: the annotations and the fields of the program's manager."""
    words = command.split()
    if words[0] not in ("reconcile", "suspend", "resume"):
        return {}
    wanted = [fleet.git_repository("")] if "source" in words[1] else [_named(words[2])]
    live = await client.get(ObjectRef.of(wanted[0]))
    fields = [each for each in live["metadata"]["managedFields"] if each["manager"] == "flux"]
    keys = ("fieldsV1", "manager", "operation")
    return {"suspend": live["spec"].get("suspend"), "fields": [{key: each[key] for key in keys} for each in fields]}


def _named(name: str) -> dict[str, Any]:
    return next(each for each in fleet.kustomizations() if each["metadata"]["name"] == name)


def _plain(text: str, commit: str, folder: str) -> str:
    """Without what differs from one run to the next."""
    text = text.replace(commit, "COMMIT").replace(commit[:8], "COMMIT8").replace(folder, "FOLDER")
    text = re.sub(r"http://127.0.0.1:\d+", "http://git.example.org", text)
    text = re.sub(r"\b[\d.]+m?s\b(?! in)", "SPAN", text)
    return re.sub(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*( \+0000 UTC)?", "TIME", text)


if __name__ == "__main__":
    main()
