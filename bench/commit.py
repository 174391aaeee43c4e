"""What the controllers do for a commit of one app before they ask the cluster anything: milliseconds of CPU, by step.

    python -m bench.commit [--apps 100,1000,3000] [--commits 40] [--http] [--profile]

One process, no cluster. All apps lie in one folder, as in ``bench.fleet``, so what grows with N grows with the folder.
The repository is on this machine, or behind a Git server over HTTP, which is a process of its own and not counted; what
our own Git processes take is. Shown are medians, CPU and then time as it passes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import os
import pstats
import resource
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from bench.fleet.estate import Estate
from fairlead.api.kustomization import Kustomization
from fairlead.build.flux import Variables
from fairlead.controllers.build_pool import ThreadBuilder
from fairlead.controllers.builds import Builds
from fairlead.kube.reflector import Key
from fairlead.objects.yaml import load
from fairlead.sources.artifact_store import ArtifactStore, Place, State
from fairlead.sources.git import GitOptions, GitSource
from fairlead.sources.spec import GitRef, GitSpec
from fairlead.sources.store import ObjectStore
from tests.support.git_server import GitServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from fairlead.sources.spec import GitRevision

import msgspec

PLACE = Place("flux-system", "fleet")


class Stopwatch:
    """CPU and elapsed seconds by step, of each commit."""

    def __init__(self) -> None:
        self.cpu: dict[str, list[float]] = defaultdict(list)
        self.elapsed: dict[str, list[float]] = defaultdict(list)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        cpu, started = _cpu(), time.perf_counter()
        yield
        self.cpu[name].append(_cpu() - cpu)
        self.elapsed[name].append(time.perf_counter() - started)


def _cpu() -> float:
    """Of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


class Bench:
    """One estate, and what the controllers keep of it."""

    def __init__(self, folder: Path, estate: Estate, url: str) -> None:
        self.estate = estate
        self.watch = Stopwatch()
        self._store = ObjectStore(folder / "store")
        self._source = GitSource(self._store, options=GitOptions(local_repositories=True))
        self._spec = GitSpec(url, GitRef(branch="main"))
        self._archives = ArtifactStore(folder / "archives", ObjectStore(self._store.folder))
        self._digest = self._last = ""
        self._builds = Builds(self._store, ThreadBuilder(self._store))
        self._users = {Key("flux-system", name): _kustomization(estate, name) for name in estate.names}
        self._tree = ""

    async def run(self, commits: int, profile: cProfile.Profile | None) -> None:
        async with self._source:
            revision = await self._fetch()
            self._tree = revision.tree_id
            self._digest = self._archive(revision)
            for key in self._users:
                await self._build(key, self._tree)
            self.watch = Stopwatch()
            for number in range(commits):
                name = self.estate.names[number * 7 % len(self.estate.names)]
                self.estate.change_app(name, f"c{number}")
                if profile:
                    profile.enable()
                with self.watch.step("all"):
                    await self._commit()
                if profile:
                    profile.disable()

    async def _commit(self) -> None:
        revision = await self._fetch()
        step = self.watch.step
        with step("archive"):
            self._digest = await asyncio.to_thread(self._archive, revision)
        with step("compare"):
            await self._builds.compare(self._tree, revision.tree_id)
        with step("decide"):
            changed = self._builds.asked(self._users.keys(), revision.tree_id)
        with step("build"):
            for key in changed:
                await self._build(key, revision.tree_id)
        if len(changed) != 1:
            raise RuntimeError(f"a commit of one app changes {len(changed)}")
        self._tree = revision.tree_id

    def _archive(self, revision: GitRevision) -> str:
        """The digest; the one before is looked at first, as in each run."""
        if self._digest:
            path = PLACE.path(self._last)
            if self._archives.state(PLACE, path, self._digest) is not State.WHOLE:
                raise RuntimeError("the archive is not what was written")
            self._archives.collect(PLACE, path)
        self._last = revision.commit
        return self._archives.pack(PLACE, revision.commit, revision.tree_id, trusted=self._digest).digest

    async def _fetch(self) -> GitRevision:
        with self.watch.step("resolve"):
            head = await self._source.resolve(self._spec)
        with self.watch.step("fetch"):
            return await self._source.fetch(self._spec, head)

    async def _build(self, key: Key, tree_id: str) -> None:
        build = await self._builds.get(key, self._users[key], tree_id, Variables())
        self._builds.standings.settle(key, build)


def _kustomization(estate: Estate, name: str) -> Kustomization:
    manifest = load(estate.kustomization(0, name))
    return msgspec.convert(manifest | {"metadata": manifest["metadata"] | {"generation": 1}}, Kustomization)


@contextlib.asynccontextmanager
async def _served(estate: Estate) -> AsyncIterator[str]:
    """The estate behind a Git server; its URL."""
    command = [sys.executable, "-m", "bench.commit", "--serve", str(estate.folder)]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the server has no pipes")
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.stdin.close()
        await process.wait()


async def _serve(folder: Path) -> None:
    """Until standard input ends."""
    async with GitServer(folder.parent) as server:
        print(server.url(f"{folder.name}/.git"), flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def _measure(options: argparse.Namespace, apps: int, folder: Path) -> Stopwatch:
    estate = Estate(folder / "repository", apps)
    estate.create()
    profile = cProfile.Profile(time.process_time) if options.profile else None
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(_served(estate)) if options.http else estate.url
        bench = Bench(folder, estate, url)
        await bench.run(options.commits, profile)
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    return bench.watch


def _show(watches: dict[int, Stopwatch]) -> None:
    names = [name for name in next(iter(watches.values())).cpu if name != "all"]
    print(f"{'ms of CPU / elapsed':24}" + "".join(f"{f'N = {apps}':>16}" for apps in watches))
    for name in [*names, "all"]:
        cells = (
            f"{statistics.median(watch.cpu[name]) * 1000:.1f} / {statistics.median(watch.elapsed[name]) * 1000:.1f}"
            for watch in watches.values()
        )
        print(f"{name:24}" + "".join(f"{cell:>16}" for cell in cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apps", default="100,1000,3000", help="sizes of the estate")
    parser.add_argument("--commits", type=int, default=40)
    parser.add_argument("--http", action="store_true", help="fetch over HTTP")
    parser.add_argument("--profile", action="store_true", help="where the loop's thread spends its CPU")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve(options.serve))
        return
    watches = {}
    for apps in map(int, options.apps.split(",")):
        with tempfile.TemporaryDirectory(prefix="fairlead-bench-", dir=os.environ.get("TMPDIR")) as folder:
            watches[apps] = asyncio.run(_measure(options, apps, Path(folder)))
    _show(watches)


if __name__ == "__main__":
    main()
