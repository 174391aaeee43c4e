"""Run the fleet and print one table; JSON goes to a file on request."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.fleet.estate import IMAGE, Estate, root
from bench.fleet.eyes import DEPLOYMENT, KUSTOMIZATION, Eyes
from bench.fleet.processes import cpu_seconds, rss_mib
from bench.fleet.stage import BenchStage
from fairlead.kube.client import KubeClient, PatchType
from fairlead.kube.config import load_config
from fairlead.objects.ref import ObjectRef


class Fleet:
    """One run: a stage with cluster and controllers, the repository, and what was measured."""

    def __init__(self, stage: BenchStage, estate: Estate, client: KubeClient, options: argparse.Namespace) -> None:
        self.stage = stage
        self.estate = estate
        self.client = client
        self.options = options
        self.eyes = Eyes(client)
        self.results: dict[str, Any] = {"apps": len(estate.names)}

    async def measure(self) -> None:
        await self._install()
        await self._single_commits()
        await self._drift()
        await self._idle()
        await self._base_change()
        await self._restart()

    async def _install(self) -> None:
        commit = self.estate.create()
        started, cpu = time.monotonic(), self._cpu()
        for manifest in root(self.estate.url):
            await self.client.apply(manifest, field_manager="bench")
        names = ["fleet", *self.estate.names]
        done = await self.eyes.until(lambda: all(self.eyes.ready(name, commit) for name in names))
        self._report("install, all Ready", seconds=done - started, cpu=self._cpu() - cpu)

    async def _single_commits(self) -> None:
        samples, cpu = [], self._cpu()
        for number in range(self.options.commits):
            name = self.estate.names[number * 7 % len(self.estate.names)]
            tag = f"c{number}"
            await asyncio.to_thread(self.estate.change_app, name, tag)
            committed = time.monotonic()
            seen = await self.eyes.until(lambda name=name, tag=tag: self.eyes.image(f"web-{name}") == f"{IMAGE}:{tag}")
            samples.append(max(0.0, seen - committed))
            commit = self.estate.head()
            # The next commit waits until this one is settled, so that each sample is a commit by itself.
            await self.eyes.until(lambda name=name, commit=commit: self.eyes.ready(name, commit))
        self._report("one-app commit → applied", **_latency(samples), cpu=(self._cpu() - cpu) / len(samples))

    async def _drift(self) -> None:
        samples = []
        name = f"web-{self.estate.names[0]}"
        reference = ObjectRef("apps", "Deployment", "fleet", name)
        for _ in range(self.options.drifts):
            before = self._generation(name)
            await self.client.patch(reference, {"spec": {"replicas": 3}}, PatchType.MERGE, field_manager="kubectl-scale")
            changed = time.monotonic()
            seen = await self.eyes.until(lambda before=before: self._generation(name) >= before + 2)
            samples.append(max(0.0, seen - changed))
        self._report("manual change → repaired", **_latency(samples))

    async def _idle(self) -> None:
        before, cpu = await self.stage.requests(), self._cpu()
        await asyncio.sleep(self.options.idle)
        after = await self.stage.requests()
        requests = {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key, 0)}
        self._report(f"idle for {self.options.idle:g} s", cpu=self._cpu() - cpu, requests=sum(requests.values()))
        self.results["idle requests"] = requests

    async def _base_change(self) -> None:
        cpu = self._cpu()
        commit = await asyncio.to_thread(self.estate.change_base, "hello")
        started = time.monotonic()
        done = await self.eyes.until(lambda: all(self.eyes.ready(name, commit) for name in self.estate.names))
        self._report("base changed → all Ready", seconds=done - started, cpu=self._cpu() - cpu)

    async def _restart(self) -> None:
        versions = self._versions()
        rss = rss_mib(self.stage.controllers.pid)
        await self.stage.stop_controllers()
        started = time.monotonic()
        await self.stage.start_controllers()
        name = self.estate.names[-1]
        await asyncio.to_thread(self.estate.change_app, name, "after-restart")
        seen = await self.eyes.until(lambda: self.eyes.image(f"web-{name}") == f"{IMAGE}:after-restart")
        written = sum(version != versions[key] for key, version in self._versions().items() if key != f"web-{name}")
        self._report("restart → first commit applied", seconds=seen - started, written=written)
        self._report("memory before the restart", rss_mib=rss)

    def _versions(self) -> dict[str, int]:
        return {name: item["metadata"]["generation"] for name, item in self.eyes.state[DEPLOYMENT].items()}

    def _generation(self, name: str) -> int:
        return int(self.eyes.state[DEPLOYMENT][name]["metadata"]["generation"])

    def _cpu(self) -> float:
        return cpu_seconds(self.stage.controllers.pid)

    def _report(self, what: str, **figures: float) -> None:
        self.results[what] = figures
        shown = "  ".join(f"{name} {_figure(name, value)}" for name, value in figures.items())
        print(f"{what:34} {shown}", flush=True)


def _figure(name: str, value: float) -> str:
    if name in ("p50", "p99"):
        return f"{value * 1000:.0f} ms"
    return {"rss_mib": f"{value:.0f} MiB", "requests": f"{value:g}", "written": f"{value:g}"}.get(name, f"{value:.2f} s")


def _latency(samples: list[float]) -> dict[str, float]:
    ordered = sorted(samples)
    return {"p50": statistics.median(ordered), "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]}


async def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    estate = Estate(folder / "repository", options.apps, chain=options.chain)
    async with BenchStage(folder, kubeconfig=options.kubeconfig) as stage:
        await stage.start_cluster()
        await stage.install()
        await stage.start_controllers()
        config = load_config(stage.kubeconfig, None, os.environ)
        async with KubeClient(config) as client, asyncio.TaskGroup() as group:
            fleet = Fleet(stage, estate, client, options)
            watches = [
                group.create_task(fleet.eyes.follow(KUSTOMIZATION, "flux-system")),
                group.create_task(fleet.eyes.follow(DEPLOYMENT, None)),
            ]
            await fleet.measure()
            for watch in watches:
                watch.cancel()
    return fleet.results


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--apps", type=int, default=100)
    parser.add_argument("--chain", type=int, default=0, help="length of dependsOn chains")
    parser.add_argument("--commits", type=int, default=50)
    parser.add_argument("--drifts", type=int, default=20)
    parser.add_argument("--idle", type=float, default=60)
    parser.add_argument("--kubeconfig", type=Path, help="another cluster than the local one")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as folder:
        results = asyncio.run(run(options, Path(folder)))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
