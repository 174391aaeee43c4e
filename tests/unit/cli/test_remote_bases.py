"""Remote bases of ``fairlead kustomize build``: Git repositories and files behind URLs, and how their lack reads."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
from contextlib import redirect_stderr
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from fairlead.cli.main import invoke
from fairlead.sources.download import download
from fairlead.sources.errors import DownloadError
from tests.support.git_server import GitServer
from tests.support.repo import RepoBuilder, Symlink
from tests.support.serving import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n"
SOON = timedelta(seconds=20)


def config_map(name: str) -> str:
    return CONFIG_MAP.format(name=name)


class Files:
    """A web server with a few files; also says what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        match request.path:
            case "/raw/cm.yaml":
                return web.Response(text=config_map("from-http"))
            case "/moved/cm.yaml":
                raise web.HTTPFound("/raw/cm.yaml")
            case "/circle":
                raise web.HTTPFound("/circle")
            case "/hang":
                await asyncio.Event().wait()
        raise web.HTTPNotFound


@pytest.fixture
async def files() -> AsyncIterator[Files]:
    found = Files()
    async with served(web.route("*", "/{path:.*}", found.answer)) as found.url:
        yield found


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[GitServer]:
    async with GitServer(tmp_path / "served") as server:
        yield server


@pytest.fixture
def repo(server: GitServer) -> RepoBuilder:
    """A repository whose folder ``deploy`` is another one at each of a tag, a branch and a commit."""
    repo = RepoBuilder(server.folder / "fleet.git")
    base = {"deploy/kustomization.yaml": "resources: [cm.yaml, ../shared]\n", "kustomization.yaml": "resources: []\n"}
    shared = {"shared/kustomization.yaml": "resources: [s.yaml]\n", "shared/s.yaml": config_map("shared")}
    repo.commit("Start", {**base, **shared, "deploy/cm.yaml": config_map("tagged")})
    repo.tag("v1", annotated=True)
    repo.commit("Branch", {"deploy/cm.yaml": config_map("branched")}, branch="next")
    repo.commit("Go on", {"deploy/cm.yaml": config_map("newest")})
    return repo


class Builder:
    """Builds a kustomization with these resources in a thread, for the command has an event loop of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    async def __call__(self, *resources: str, flags: tuple[str, ...] = ()) -> tuple[int, str, str]:
        lines = "".join(f"- {resource}\n" for resource in resources)
        (self.folder / "kustomization.yaml").write_text(f"resources:\n{lines}")
        return await asyncio.to_thread(self._run, flags)

    async def names(self, *resources: str) -> list[str]:
        code, out, err = await self(*resources)
        assert code == 0, err
        return sorted(line.split()[1] for line in out.splitlines() if line.startswith("  name:"))

    async def failure(self, *resources: str, flags: tuple[str, ...] = ()) -> str:
        code, out, err = await self(*resources, flags=flags)
        assert (code, out, err.count("\n")) == (1, "", 1), err
        return err

    def _run(self, flags: tuple[str, ...]) -> tuple[int, str, str]:
        target, err = self.folder.parent / "out.yaml", io.StringIO()
        target.write_text("")
        with redirect_stderr(err):
            try:
                code = invoke(["kustomize", "build", str(self.folder), "-o", str(target), *flags])
            except SystemExit as ended:
                code = int(str(ended.code))
        return code, target.read_text(), err.getvalue()


@pytest.fixture
def build(tmp_path: Path) -> Builder:
    return Builder(tmp_path / "build")


@pytest.mark.parametrize(
    ("ref", "name"),
    [("", "newest"), ("?ref=v1", "tagged"), ("?ref=next", "branched"), ("?ref=refs/heads/next", "branched")],
)
async def test_a_folder_of_a_repository(
    server: GitServer, repo: RepoBuilder, build: Builder, ref: str, name: str
) -> None:
    assert await build.names(f"{server.url('fleet.git')}//deploy{ref}") == sorted([name, "shared"])


async def test_a_commit_of_a_repository_on_this_machine(repo: RepoBuilder, build: Builder) -> None:
    first = repo.at("next")
    assert await build.names(f"{repo.url}//deploy?ref={first}") == ["branched", "shared"]


async def test_the_root_of_a_repository_and_nothing_of_it_ignored(build: Builder, tmp_path: Path) -> None:
    repo = RepoBuilder(tmp_path / "other.git")
    ignored = {
        ".github/cm.yaml": config_map("kept"),
        ".sourceignore": "*.yaml\n",
        "link.yaml": Symlink(".github/cm.yaml"),
    }
    repo.commit("Start", {"kustomization.yaml": "resources: [link.yaml]\n", **ignored})
    assert await build.names(repo.url) == ["kept"]


async def test_one_repository_is_fetched_once(server: GitServer, repo: RepoBuilder, build: Builder) -> None:
    url = server.url("fleet.git")
    (build.folder / "b").mkdir()
    (build.folder / "b" / "kustomization.yaml").write_text(f"namePrefix: b-\nresources: ['{url}//deploy?ref=v1']\n")
    assert len(await build.names(f"{url}//deploy?ref=v1", "b")) == 4
    assert sum(seen.path.endswith("/info/refs") for seen in server.seen) == 1


async def test_a_file_behind_a_url(files: Files, build: Builder) -> None:
    assert await build.names(f"{files.url}/raw/cm.yaml") == ["from-http"]
    assert await build.names(f"{files.url}/moved/cm.yaml") == ["from-http"]


async def test_failures_say_what_is_wrong(server: GitServer, repo: RepoBuilder, files: Files, build: Builder) -> None:
    url = server.url("fleet.git")
    assert f"'v9' is no branch, tag or full commit id of {url}" in await build.failure(f"{url}//deploy?ref=v9")
    assert "'nowhere' is no folder of repository" in await build.failure(f"{url}//nowhere")
    assert "repository not found" in await build.failure(f"{files.url}/org/none.git")
    assert "/raw/none.yaml: the server answered 404 Not Found" in await build.failure(f"{files.url}/raw/none.yaml")
    assert "a build has no ssh keys" in await build.failure("git@127.0.0.1:org/fleet.git//deploy")
    server.users["ada"] = "secret"
    assert "authentication required" in await build.failure(f"{url}//deploy")


async def test_credentials_in_the_url(server: GitServer, repo: RepoBuilder, build: Builder) -> None:
    server.users["ada"] = "secret"
    assert await build.names(f"{server.url('fleet.git', user='ada:secret')}//deploy?ref=v1") == ["shared", "tagged"]
    message = await build.failure(f"{server.url('fleet.git', user='ada:wrong')}//deploy")
    assert "credentials were refused" in message
    assert "wrong@" not in message


async def test_offline_nothing_is_asked(server: GitServer, repo: RepoBuilder, files: Files, build: Builder) -> None:
    for resource in (f"{server.url('fleet.git')}//deploy", f"{files.url}/raw/cm.yaml", f"{repo.url}//deploy"):
        assert "cannot be fetched here: this build works offline" in await build.failure(resource, flags=("--offline",))
    assert (server.seen, files.asked) == ([], [])


async def test_a_kustomization_of_the_controllers_is_rendered_with_its_bases(
    server: GitServer, repo: RepoBuilder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "apps"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(f"resources: ['{server.url('fleet.git')}//deploy?ref=v1']\n")
    file = tmp_path / "ks.yaml"
    file.write_text(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n"
        "  {name: apps, namespace: flux-system}\n"
        "spec: {interval: 1m, prune: true, path: apps, sourceRef: {kind: GitRepository, name: x}}\n"
    )
    command = ["build", "kustomization", "apps", "--path", str(folder), "--kustomization-file", str(file), "--dry-run"]
    assert await asyncio.to_thread(invoke, command) == 0
    assert "name: tagged" in capsys.readouterr().out


async def test_downloads_are_bounded(files: Files) -> None:
    with pytest.raises(DownloadError, match="more than the 10 bytes"):
        await download(f"{files.url}/raw/cm.yaml", largest_bytes=10, timeout=SOON)
    with pytest.raises(DownloadError, match="redirects more than 5 times"):
        await download(f"{files.url}/circle", largest_bytes=10, timeout=SOON)
    with pytest.raises(DownloadError, match=r"was not read within 0\.05s"):
        await download(f"{files.url}/hang", largest_bytes=10, timeout=timedelta(seconds=0.05))
    with pytest.raises(DownloadError, match="cannot be reached") as caught:
        await download("http://ada:secret@127.0.0.1:1/x.yaml", largest_bytes=10, timeout=SOON)
    assert "secret" not in str(caught.value)


def test_a_build_without_remote_bases_loads_no_network(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("namePrefix: x-\n")
    program = (
        "import sys; from fairlead.cli.main import invoke; "
        f"invoke(['kustomize', 'build', {str(tmp_path)!r}]); "
        "print(sorted({'aiohttp', 'asyncio', 'pygit2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.splitlines()[-1] == "[]"
