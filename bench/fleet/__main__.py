"""Run fleets of several sizes, each on a cluster of its own; figures go to a folder, a table to the terminal."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.fleet import goals
from bench.fleet.estate import Estate
from bench.fleet.eyes import DEPLOYMENT, KUSTOMIZATION
from bench.fleet.fleet import Fleet
from bench.fleet.stage import BenchStage
from bench.fleet.workloads import Workloads
from fairlead.kube.client import KubeClient
from fairlead.kube.config import load_config
from tests.support.envtest import EnvTest

if TYPE_CHECKING:
    from collections.abc import Iterator

GOAL_SIZE = 1000


async def run(options: argparse.Namespace, apps: int, folder: Path, kubeconfig: Path | None) -> dict[str, Any]:
    estate = Estate(folder / "repository", apps, chain=options.chain)
    async with BenchStage(folder, kubeconfig=kubeconfig) as stage, contextlib.AsyncExitStack() as stack:
        stage.watch_loop = options.watch_loop
        await stage.start_cluster()
        await stage.install()
        config = load_config(stage.kubeconfig, None, os.environ)
        async with KubeClient(config) as client, asyncio.TaskGroup() as group:
            fleet = Fleet(stage, estate, client, options)
            # What is measured is kept at once: a series that is broken off keeps what it has.
            stack.callback(_keep, options.out, fleet.results)
            await fleet.raw()
            helpers = [group.create_task(fleet.eyes.follow(kind)) for kind in (KUSTOMIZATION, DEPLOYMENT)]
            if options.workloads or options.assets:
                helpers.append(group.create_task(Workloads(client, fleet.eyes).run()))
                await fleet.raw_beside()
            await stage.start_controllers()
            helpers.append(group.create_task(fleet.memory.follow()))
            try:
                await fleet.measure()
            finally:
                for helper in helpers:
                    helper.cancel()
                if options.keep_logs:
                    options.keep_logs.write_bytes((folder / "controllers.log").read_bytes())
    return fleet.results


@contextlib.contextmanager
def cluster(options: argparse.Namespace) -> Iterator[Path | None]:
    """The kubeconfig of a fresh API server, of the one that was named, or None: the local cluster."""
    if not options.assets:
        yield options.kubeconfig
        return
    with EnvTest(options.assets) as server:
        yield server.kubeconfig


def _keep(folder: Path | None, results: dict[str, Any]) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"fleet-{results['apps']}.json").write_text(json.dumps(results, indent=2) + "\n")


def series(options: argparse.Namespace) -> tuple[list[dict[str, Any]], int]:
    """The results of all sizes, and how many of them broke off; the others go on."""
    found, broken = [], 0
    for apps in options.apps:
        print(f"--- {apps} apps", flush=True)
        options.idle = options.long_idle if apps == GOAL_SIZE and options.long_idle else options.short_idle
        with tempfile.TemporaryDirectory(prefix="fairlead-bench-") as folder, cluster(options) as kubeconfig:
            try:
                found.append(asyncio.run(run(options, apps, Path(folder), kubeconfig)))
            except Exception:
                traceback.print_exc()
                broken += 1
    return found, broken


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--apps", type=_numbers, default=[100], metavar="N[,N…]")
    parser.add_argument("--chain", type=int, default=5, help="length of dependsOn chains; 0 for none")
    parser.add_argument("--commits", type=int, default=100)
    parser.add_argument("--spread", type=float, default=0, help="seconds between two commits")
    parser.add_argument("--drifts", type=int, default=20)
    parser.add_argument("--idle", type=float, default=60, dest="short_idle", help="seconds of idling that are measured")
    parser.add_argument("--long-idle", type=float, help=f"the same, for {GOAL_SIZE} apps")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--assets", type=Path, help="folder of etcd and kube-apiserver: a fresh server for each size")
    where.add_argument("--kubeconfig", type=Path, help="another cluster than the local one; it should be empty")
    parser.add_argument("--workloads", action="store_true", help="play the Deployment controller, where there is none")
    parser.add_argument("--out", type=Path, help="write the figures as JSON into this folder")
    parser.add_argument("--watch-loop", action="store_true", help="find what holds the controllers' loop")
    parser.add_argument("--keep-logs", type=Path, help="keep the controllers' log here")
    options = parser.parse_args()
    if options.kubeconfig and len(options.apps) > 1:
        parser.error("one cluster takes one size: name the API server's --assets for a series")
    found, broken = series(options)
    if found:
        print(f"\n{goals.table(found)}")
    if broken:
        raise SystemExit(f"{broken} of {len(options.apps)} sizes broke off, see above")


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


if __name__ == "__main__":
    main()
