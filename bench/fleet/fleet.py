"""What is measured of one fleet, one line each as it comes."""

from __future__ import annotations

import asyncio
import math
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

from bench.fleet.estate import IMAGE, Estate, root
from bench.fleet.eyes import DEPLOYMENT, Eyes
from bench.fleet.processes import Memory, cpu_seconds
from bench.fleet.raw import clean_up, raw_base_change, raw_commit, raw_install
from bench.fleet.stage import BenchStage, Figures
from fairlead.kube.client import KubeClient, PatchType
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    import argparse


CHAIN_COMMITS = 5


class Fleet:
    """One run: a stage with cluster and controllers, the repository, and what was measured."""

    def __init__(self, stage: BenchStage, estate: Estate, client: KubeClient, options: argparse.Namespace) -> None:
        """``options`` has the numbers of commits, drifts and seconds; see ``python -m bench.fleet --help``."""
        self.stage = stage
        self.estate = estate
        self.client = client
        self.options = options
        self.eyes = Eyes(client)
        self.memory = Memory(lambda: stage.controllers.pid)
        self.results: dict[str, Any] = {"apps": len(estate.names)}
        self._before = Figures({}, {}, {})
        self._cpu_before = 0.0
        self._blocks_before = 0

    async def measure(self) -> None:
        await self._install()
        await self._single_commits()
        await self._drift()
        await self._base_change()
        await self._chain()
        await self._idle()
        await self._restart()

    async def raw(self) -> None:
        seconds = await raw_install(self.client, self.estate)
        base = await raw_base_change(self.client, self.estate)
        commits = [await raw_commit(self.client, self.estate) for _ in range(20)]
        await clean_up(self.client)
        self._show("raw limit: writes of an install", seconds=seconds)
        self._show("raw limit: writes of a base change", seconds=base)
        self._show("raw limit: writes of a commit", **_latency(commits))

    async def raw_beside(self) -> None:
        """The same while we observe, and the helper rolls out what the bare client applies."""
        seconds = await raw_install(self.client, self.estate)
        base = await raw_base_change(self.client, self.estate)
        await clean_up(self.client)
        self._show("raw limit, rollouts beside: install", seconds=seconds)
        self._show("raw limit, rollouts beside: base", seconds=base)

    async def _install(self) -> None:
        commit = self.estate.create()
        await self._begin()
        started = time.monotonic()
        for manifest in root(self.estate.url):
            await self.client.apply(manifest, field_manager="bench")
        done = await self.eyes.all_ready(["fleet", *self.estate.names], commit)
        await self._report("install, all Ready", seconds=done - started)

    async def _single_commits(self) -> None:
        samples = []
        await self._quiet()
        await self._begin()
        for number in range(self.options.commits):
            name = self.estate.names[number * 7 % len(self.estate.names)]
            tag = f"c{number}"
            await asyncio.to_thread(self.estate.change_app, name, tag)
            committed = time.monotonic()
            seen = await self._live(name, tag)
            samples.append(max(0.0, seen - committed))
            commit = self.estate.head()
            # The next commit waits until this one is settled, so that each sample is a commit by itself.
            await self._settled(name, commit)
            if self.options.spread:
                await asyncio.sleep(self.options.spread)
        commit, started = self.estate.head(), time.monotonic()
        noted = await self.eyes.all_ready(self.estate.names, commit) - started
        await self._report("one-app commit → applied", len(samples), **_latency(samples), noted=noted)
        self.results["one-app commit → applied"]["samples"] = samples

    async def _live(self, name: str, tag: str) -> float:
        return await self.eyes.until(lambda: self.eyes.image(f"web-{name}") == f"{IMAGE}:{tag}")

    async def _settled(self, name: str, commit: str) -> float:
        return await self.eyes.until(lambda: self.eyes.ready(name, commit))

    async def _repaired(self, name: str, before: int) -> float:
        """One generation is the manual change, the next one its repair."""
        return await self.eyes.until(lambda: self._generation(name) >= before + 2 and self._replicas(name) == 1)

    async def _drift(self) -> None:
        samples = []
        await self._begin()
        for number in range(self.options.drifts):
            name = f"web-{self.estate.names[number * 3 % len(self.estate.names)]}"
            reference = ObjectRef("apps", "Deployment", "fleet", name)
            before = self._generation(name)
            await self.client.patch(
                reference, {"spec": {"replicas": 3}}, PatchType.MERGE, field_manager="kubectl-scale"
            )
            changed = time.monotonic()
            seen = await self._repaired(name, before)
            samples.append(max(0.0, seen - changed))
        await self._report("manual change → repaired", len(samples), **_latency(samples))

    async def _idle(self) -> None:
        await self._quiet()
        await self._begin()
        await asyncio.sleep(self.options.idle)
        await self._report("idle", seconds=self.options.idle)

    async def _base_change(self) -> None:
        await self._begin()
        before = {name: self.eyes.config_map(f"web-{name}") for name in self.estate.names}
        commit = await asyncio.to_thread(self.estate.change_base, "hello")
        started = time.monotonic()
        applied = await self.eyes.all_of(list(before), lambda name: self.eyes.config_map(f"web-{name}") != before[name])
        done = await self.eyes.all_ready(self.estate.names, commit)
        await self._report("base changed → all Ready", seconds=done - started)
        self._show("base changed → all applied", seconds=applied - started)

    async def _chain(self) -> None:
        """All apps of one chain change in one commit; the last one of the chain is Ready last."""
        chain = self.estate.first_chain
        if not chain:
            return
        samples = []
        await self._quiet()
        await self._begin()
        for number in range(CHAIN_COMMITS):
            commit = await asyncio.to_thread(self.estate.change_apps, chain, f"chain{number}")
            started = time.monotonic()
            samples.append(await self.eyes.all_ready(chain, commit) - started)
        await self._report(f"chain of {len(chain)} changed → last Ready", len(samples), seconds=max(samples))

    async def _restart(self) -> None:
        versions = self._versions()
        await self.stage.stop_controllers()
        started = time.monotonic()
        await self.stage.start_controllers()
        self._before, self._cpu_before = Figures({}, {}, {}), 0.0
        self._blocks_before = len(self.stage.blocks())
        self.memory.begin()
        name = self.estate.names[-1]
        await asyncio.to_thread(self.estate.change_app, name, "after-restart")
        seen = await self._live(name, "after-restart")
        await self._report("restart → first commit applied", seconds=seen - started)
        noted = await self.eyes.all_ready(self.estate.names, self.estate.head())
        written = sum(version != versions[key] for key, version in self._versions().items() if key != f"web-{name}")
        await self._report("restart → all at it", seconds=noted - started, written=written)
        self._show_lists("restart → all at it")
        self._show("memory", rss_mib=self.memory.highest)

    def _show_lists(self, what: str) -> None:
        """The kind that was listed by most requests."""
        lists = {name: count for name, count in self.results[what]["requests"].items() if name.endswith(" list")}
        name = max(lists, key=lists.__getitem__, default="")
        print(f"    most list requests of one kind: {lists.get(name, 0):.0f} ({name})", flush=True)

    def _versions(self) -> dict[str, int]:
        return {name: item["metadata"]["generation"] for name, item in self.eyes.state[DEPLOYMENT].items()}

    def _generation(self, name: str) -> int:
        return int(self.eyes.state[DEPLOYMENT][name]["metadata"]["generation"])

    def _replicas(self, name: str) -> int:
        return int(self.eyes.state[DEPLOYMENT][name]["spec"]["replicas"])

    async def _quiet(self) -> None:
        """Until the controllers have sent nothing for a second."""
        before = await self.stage.figures()
        while True:
            await asyncio.sleep(1)
            after = await self.stage.figures()
            if not (after - before).requests:
                return
            before = after

    async def _begin(self) -> None:
        self._before, self._cpu_before = await self.stage.figures(), cpu_seconds(self.stage.controllers.pid)
        self._blocks_before = len(self.stage.blocks())
        self.memory.begin()

    async def _report(self, what: str, times: int = 1, /, **figures: float) -> None:
        """One line, and below it where the controllers' time went and what they sent since :meth:`_begin`."""
        cpu = (cpu_seconds(self.stage.controllers.pid) - self._cpu_before) / times
        spent = await self.stage.figures() - self._before
        self._show(what, **figures, cpu=cpu, rss_mib=self.memory.since)
        self.results[what] |= {"requests": spent.requests, "phases": spent.seconds}
        for line in (spent.phases(), spent.sent(), self._longest_block(what)):
            if line:
                print(f"    {line}")
        sys.stdout.flush()

    def _longest_block(self, what: str) -> str:
        blocks = sorted(self.stage.blocks()[self._blocks_before :], key=lambda block: -block.computed)
        if not blocks:
            return ""
        self.results[what]["longest_block"] = blocks[0].computed
        return f"{len(blocks)} callbacks of 10 ms or more; " + "\n    ".join(map(str, blocks[:3]))

    def _show(self, what: str, **figures: float) -> None:
        self.results[what] = dict(figures)
        shown = "  ".join(f"{name} {_figure(name, value)}" for name, value in figures.items())
        print(f"{what:34} {shown}", flush=True)


def _figure(name: str, value: float) -> str:
    if name in ("p50", "p99"):
        return f"{value * 1000:.0f} ms"
    return {"rss_mib": f"≤ {value:.0f} MiB", "written": f"{value:g}"}.get(name, f"{value:.2f} s")


def _latency(samples: list[float]) -> dict[str, float]:
    ordered = sorted(samples)
    return {"p50": statistics.median(ordered), "p99": ordered[math.ceil(len(ordered) * 0.99) - 1]}
