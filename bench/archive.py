"""What the archive of a source costs: the first one, that of a commit which changes one app, and the look at each run.

``python -m bench.archive --apps 100,1000,3000``; no cluster is needed.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.fleet.estate import Estate
from fairlead.sources.artifact_store import ArtifactStore, Place, State
from fairlead.sources.git import GitOptions, GitSource
from fairlead.sources.spec import GitRef, GitSpec
from fairlead.sources.store import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable

PLACE = Place("flux-system", "fleet")


def main() -> None:
    """Print one line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--apps", default="100,1000,3000")
    parser.add_argument("--commits", type=int, default=20)
    options = parser.parse_args()
    out = sys.stdout.write
    out("apps | archive KiB | first ms | commit ms p50 / max | CPU ms | made KiB | check ms | peak growth MiB\n")
    for apps in options.apps.split(","):
        with tempfile.TemporaryDirectory() as folder:
            out(asyncio.run(_measure(Path(folder), int(apps), options.commits)) + "\n")


async def _measure(folder: Path, apps: int, commits: int) -> str:
    estate = Estate(folder / "repository", apps)
    head = estate.create()
    store = ObjectStore(folder / "store")
    archives = ArtifactStore(folder / "archives", store)
    async with GitSource(store, options=GitOptions(local_repositories=True)) as git:
        tree = await _tree(git, estate)
        before = _peak()
        last, first, _ = _timed(lambda: archives.pack(PLACE, head, tree))
        growth = _peak() - before
        times: list[float] = []
        cpus: list[float] = []
        checks: list[float] = []
        made: list[float] = []
        for number in range(commits):
            head = estate.change_app(estate.names[number * 7 % apps], str(number + 2))
            tree = await _tree(git, estate)
            digest, path = last.digest, _newest(archives)
            state, checked, _ = _timed(partial(archives.state, PLACE, path, digest))
            assert state is State.WHOLE
            last, took, cpu = _timed(partial(archives.pack, PLACE, head, tree, trusted=digest))
            archives.collect(PLACE, PLACE.path(head))
            for series, value in ((times, took), (cpus, cpu), (checks, checked), (made, last.written / 1024)):
                series.append(value)
    assert ArtifactStore(folder / "anew", store).pack(PLACE, head, tree).digest == last.digest
    middle = statistics.median
    return (
        f"{apps} | {last.size / 1024:.0f} | {first:.0f} | {middle(times):.1f} / {max(times):.1f} | {middle(cpus):.1f} "
        f"| {middle(made):.1f} | {middle(checks):.1f} | {growth / 1024:.1f}"
    )


async def _tree(git: GitSource, estate: Estate) -> str:
    spec = GitSpec(url=estate.url, ref=GitRef(branch="main"))
    return (await git.fetch(spec, await git.resolve(spec))).tree_id


def _newest(archives: ArtifactStore) -> str:
    latest = archives.root / "gitrepository" / PLACE.namespace / PLACE.name / "latest.tar.gz"
    return PLACE.path(latest.readlink().name.removesuffix(".tar.gz"))


def _timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """The answer, and the milliseconds by the clock and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = call()
    return answer, 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
