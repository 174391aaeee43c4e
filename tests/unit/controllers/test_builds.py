"""Builds are carried out only when something that counts has changed, in processes that may die."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.build.flux import PathNotFoundError, Variables
from fairlead.controllers.build_pool import BuildPool, ThreadBuilder
from fairlead.controllers.builds import Builds, TreeMissingError
from fairlead.errors import BuildError, UnavailableError
from fairlead.kube.reflector import Key
from fairlead.sources.store import ObjectStore
from tests.unit.controllers.resources_for_tests import kustomization

if TYPE_CHECKING:
    from fairlead.controllers.builds import Build

KEY = Key("ns", "apps")
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\ndata: {k: '${v:=d}'}\n"
FILE = 0o100644
FOLDER = 0o040000


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "store")


def tree(store: ObjectStore, apps: str, other: str = "x") -> str:
    """``apps/a.yaml`` and ``other/b.txt``."""
    inner = store.write_tree({"a.yaml": (store.write_blob(apps.encode()), FILE)})
    outer = store.write_tree({"b.txt": (store.write_blob(other.encode()), FILE)})
    return store.write_tree({"apps": (inner, FOLDER), "other": (outer, FOLDER)})


async def build(builds: Builds, tree_id: str, *, values: dict[str, str] | None = None, **spec: Any) -> Build:
    wanted = kustomization("apps", path="apps", **spec)
    return await builds.get(KEY, wanted, tree_id, Variables(values or {}))


async def test_is_reused_until_something_counts(store: ObjectStore) -> None:
    builds = Builds(store, ThreadBuilder(store))
    first = await build(builds, tree(store, CONFIG))
    assert await build(builds, tree(store, CONFIG, other="y")) is first
    assert (await build(builds, tree(store, CONFIG), values={"v": "1"})).objects()[0]["data"] == {"k": 1}
    changed = await build(builds, tree(store, CONFIG.replace("NAME", "n")), values={"v": "1"})
    assert changed.objects()[0]["metadata"]["name"] == "n"
    assert builds.executed == 3


async def test_failures_say_what_can_be_done(store: ObjectStore) -> None:
    builds = Builds(store, ThreadBuilder(store))
    with pytest.raises(TreeMissingError):
        await build(builds, "0" * 40)
    with pytest.raises(BuildError, match=r"a\.yaml"):
        await build(builds, tree(store, "kind: ["))
    with pytest.raises(PathNotFoundError):
        await builds.get(KEY, kustomization("apps", path="gone"), tree(store, CONFIG), Variables())


async def test_a_process_builds_the_same(store: ObjectStore) -> None:
    tree_id = tree(store, CONFIG)
    here = await build(Builds(store, ThreadBuilder(store)), tree_id, values={"v": "1"})
    async with BuildPool(1) as pool:
        there = await build(Builds(store, pool), tree_id, values={"v": "1"})
    assert (there.digest, there.objects(), there.read_set) == (here.digest, here.objects(), here.read_set)


@pytest.mark.skipif(sys.platform != "linux", reason="the environment of a process is read from /proc")
async def test_a_process_gets_no_keys_of_ours(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is built comes from repositories, and the process that builds has no use for anything that opens a door."""
    for name in ("AWS_SECRET_ACCESS_KEY", "VAULT_TOKEN", "AZURE_CLIENT_SECRET", "KUBECONFIG", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("TMPDIR", str(store.folder))
    async with BuildPool(1) as pool:
        await build(Builds(store, pool), tree(store, CONFIG))
        (process,) = pool._all
        environment = _environment(process.pid)
    assert "hunter2" not in environment.values()
    names = environment.keys()
    assert {"PATH", "TMPDIR"} <= names
    assert {name for name in names if not name.startswith("PYTHON")} <= {"PATH", "TMPDIR", "LD_LIBRARY_PATH"}


@pytest.mark.parametrize(("patience_seconds", "processes"), [(60.0, 1), (0.01, 2)])
async def test_one_process_does_what_is_quick(store: ObjectStore, patience_seconds: float, processes: int) -> None:
    tree_id = tree(store, CONFIG)
    async with BuildPool(2, patience_seconds=patience_seconds) as pool:
        values = [{"v": str(number)} for number in range(4)]
        await asyncio.gather(*(build(Builds(store, pool), tree_id, values=each) for each in values))
        assert len(pool._all) == processes


async def test_a_cancelled_build_takes_its_process_along_and_the_next_one_works(store: ObjectStore) -> None:
    tree_id = tree(store, CONFIG)
    async with BuildPool(1) as pool:
        builds = Builds(store, pool)
        running = asyncio.create_task(build(builds, tree_id))
        await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert (await build(builds, tree_id)).count == 1


def _environment(pid: int) -> dict[str, str]:
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return {name: text for name, _, text in (entry.partition("=") for entry in entries if entry)}


async def test_a_process_that_dies_is_an_error_and_is_replaced(store: ObjectStore) -> None:
    tree_id = tree(store, CONFIG)
    async with BuildPool(1) as pool:
        builds = Builds(store, pool)
        await build(builds, tree_id)
        (process,) = pool._all
        process.kill()
        await process.wait()
        with pytest.raises(UnavailableError, match="build process died"):
            await build(builds, tree_id, values={"v": "2"})
        assert (await build(builds, tree_id, values={"v": "2"})).count == 1
