"""What the local cluster costs: start, a small server-side apply, 20,000 objects, 50 watches.

    python -m bench.localcluster

The server is the process that a user starts; its CPU and memory are read from /proc, so the client's share is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.fleet.processes import cpu_seconds, rss_mib
from fairlead.cli.demo.stage import Stage
from fairlead.kube.client import KubeClient
from fairlead.kube.config import load_config
from fairlead.objects.ref import GroupKind

CONFIG_MAP = GroupKind("", "ConfigMap")
BATCH = 100
AT_ONCE = 16


class ClusterStage(Stage):
    """A local cluster alone."""

    @property
    def pid(self) -> int:
        return self._processes[0].pid


def config_map(number: int, value: str) -> dict[str, Any]:
    metadata = {"name": f"m{number}", "namespace": "default", "labels": {"app": "bench"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": value, "other": "x" * 200}}


async def applies(client: KubeClient, pid: int, count: int) -> float:
    """CPU of the server for one apply that changes something: the median over batches, in milliseconds."""
    samples = []
    for batch in range(count // BATCH):
        before = cpu_seconds(pid)
        for number in range(BATCH):
            await client.apply(config_map(number, str(batch)), field_manager="bench")
        samples.append((cpu_seconds(pid) - before) / BATCH * 1000)
    return statistics.median(samples)


async def fill(client: KubeClient, count: int) -> None:
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            await client.apply(config_map(number, "full"), field_manager="bench")

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(worker())


async def watches(client: KubeClient, count: int) -> float:
    """Seconds until all of ``count`` watches have seen one change."""
    version = (await client.list(CONFIG_MAP, namespace="default", label_selector="none=such")).resource_version

    async def first() -> None:
        async for event in client.watch(CONFIG_MAP, resource_version=version, namespace="default"):
            if event.type == "MODIFIED":
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(first())
        await asyncio.sleep(1)  # lets all of them connect; the time is taken from the write on
        started = time.monotonic()
        await client.apply(config_map(0, "seen by all"), field_manager="bench")
    return time.monotonic() - started


async def run(options: argparse.Namespace, folder: Path) -> None:
    started = time.monotonic()
    async with ClusterStage(folder) as stage:
        await stage.start_cluster()
        print(f"{'start until it serves':34} {time.monotonic() - started:.2f} s")
        async with KubeClient(load_config(stage.kubeconfig, None, os.environ)) as client:
            await fill(client, BATCH)
            print(f"{'server-side apply, CPU, median':34} {await applies(client, stage.pid, 3000):.2f} ms")
            await fill(client, options.objects)
            print(f"{f'memory with {options.objects} objects':34} {rss_mib(stage.pid):.0f} MiB")
            print(f"{'50 watches see one write after':34} {await watches(client, 50) * 1000:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.localcluster", description=__doc__)
    parser.add_argument("--objects", type=int, default=20_000)
    with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as folder:
        asyncio.run(run(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
