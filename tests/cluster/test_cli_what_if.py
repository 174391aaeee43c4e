"""`fairlead build` and `diff`: what files of this machine would come to, with diff's exit codes and without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from fairlead.objects import yaml
from tests.support.cli import Cli
from tests.support.manifests import config_map

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

SECRET = "hunter2-hunter2"


def secret(namespace: str, value: str) -> str:
    return yaml.dump(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "creds", "namespace": namespace},
            "stringData": {"password": value},
        }
    )


@pytest_asyncio.fixture
async def cli(world: World, tmp_path: Path, folder: Path) -> Cli:
    """A delivered Kustomization, and the same files in a folder of this machine."""
    files = {
        "settings.yaml": config_map("settings", world.namespace, {"zone": "${zone:=a}"}),
        "old.yaml": config_map("old", world.namespace, {"a": "b"}),
        "creds.yaml": secret(world.namespace, SECRET),
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    world.repo.commit("Begin", {f"apps/{name}": text for name, text in files.items()})
    await world.git_repository()
    await world.kustomization("apps", path="./apps", postBuild={"substitute": {"color": "blue"}})
    await world.ready("apps")
    return Cli(world.client.config, world.namespace, tmp_path)


async def test_no_difference_is_0(cli: Cli, folder: Path) -> None:
    assert await cli("diff", "ks", "apps", "--path", str(folder)) == (0, "", "")


async def test_differences_are_1_and_secrets_are_masked(cli: Cli, world: World, folder: Path) -> None:
    (folder / "settings.yaml").write_text(config_map("settings", world.namespace, {"zone": "b"}))
    (folder / "old.yaml").unlink()
    (folder / "new.yaml").write_text(config_map("new", world.namespace, {"a": "b"}))
    (folder / "creds.yaml").write_text(secret(world.namespace, "swordfish"))
    outcome = await cli("diff", "kustomization", "apps", "--path", str(folder))
    assert outcome.code == 1
    heads = {line for line in outcome.out.splitlines() if line.startswith("►")}
    assert heads == {
        f"► ConfigMap/{world.namespace}/new created",
        f"► ConfigMap/{world.namespace}/settings drifted",
        f"► ConfigMap/{world.namespace}/old deleted",
        f"► Secret/{world.namespace}/creds drifted",
    }
    assert "data.zone\n  ± value change\n    - a\n    + b\n" in outcome.out
    assert "data.password" in outcome.out
    shown = outcome.out + outcome.err
    assert SECRET not in shown
    assert "swordfish" not in shown
    live = await world.get("ConfigMap", "settings")
    assert live is not None
    assert live["data"] == {"zone": "a"}, "a diff writes nothing"


async def test_errors_of_diff_are_2(cli: Cli, folder: Path) -> None:
    assert (await cli("diff", "ks", "nope", "--path", str(folder))).code == 2
    (folder / "bad.yaml").write_text("kind: {")
    broken = await cli("diff", "ks", "apps", "--path", str(folder))
    assert broken.code == 2
    assert broken.err.startswith("✗ ")
    assert "bad.yaml:2" in broken.err


async def test_build(cli: Cli, world: World, folder: Path) -> None:
    outcome = await cli("build", "ks", "apps", "--path", str(folder))
    assert outcome.code == 0
    by_name = {manifest["metadata"]["name"]: manifest for manifest in yaml.load_all(outcome.out)}
    assert set(by_name) == {"settings", "old", "creds"}
    assert by_name["settings"]["data"] == {"zone": "a"}
    assert by_name["settings"]["metadata"]["labels"] == {
        "kustomize.toolkit.fluxcd.io/name": "apps",
        "kustomize.toolkit.fluxcd.io/namespace": world.namespace,
    }


async def test_build_without_a_cluster(cli: Cli, world: World, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "apps.yaml"
    file.write_text((await cli("export", "ks", "apps")).out)
    arguments = ["build", "ks", "apps", "--path", str(folder), "--dry-run", "-n", world.namespace]
    assert (await cli(*arguments)).code == 2
    cli.kubeconfig.unlink()
    alone = await cli(*arguments, "--kustomization-file", str(file))
    assert alone.code == 0, alone.err
    assert len(yaml.load_all(alone.out)) == 3


async def test_strict_substitution(cli: Cli, world: World, folder: Path) -> None:
    (folder / "old.yaml").write_text(config_map("old", world.namespace, {"a": "${nowhere}"}))
    assert (await cli("build", "ks", "apps", "--path", str(folder))).code == 0
    strict = await cli("build", "ks", "apps", "--path", str(folder), "--strict-substitute")
    assert strict.code == 1
    assert "nowhere" in strict.err
