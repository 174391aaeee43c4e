"""Files that cannot be built fail their own Kustomization, say where and why, and harm nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.harm import begin, harmed, healed
from tests.support.manifests import config_map, kustomization
from tests.support.repo import Symlink

if TYPE_CHECKING:
    from tests.support.world import World

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

CASES = {
    "malformed YAML": (
        {"apps/bad.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: [x\ndata: {}\n"},
        "BuildFailed",
        ("apps/bad.yaml:5",),
    ),
    "a tab": ({"apps/bad.yaml": "apiVersion: v1\nkind: ConfigMap\n\tdata: {}\n"}, "BuildFailed", ("apps/bad.yaml:3",)),
    "not text": ({"apps/bad.yaml": b"\xff\xfe\x00\x01\x02"}, "BuildFailed", ("apps/bad.yaml",)),
    "a template that was never rendered": (
        {"apps/bad.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ .Values.meta }}\n"},
        "BuildFailed",
        ("apps/bad.yaml",),
    ),
    "an alias bomb": ({"apps/bad.yaml": LAUGHS}, "BuildFailed", ("apps/bad.yaml", "alias")),
    "no kind": (
        {"apps/bad.yaml": "apiVersion: v1\nmetadata: {name: x}\n", "apps/kustomization.yaml": "resources: [bad.yaml]"},
        "BuildFailed",
        ("bad.yaml", "kind"),
    ),
    "no name": ({"apps/bad.yaml": "apiVersion: v1\nkind: ConfigMap\ndata: {}\n"}, "BuildFailed", ("bad.yaml", "name")),
    "a file that is something else": (
        {"apps/values.yaml": "replicas: 3\n"},
        "BuildFailed",
        ("apps/values.yaml holds a document that is no Kubernetes object (missing kind)", ".sourceignore"),
    ),
    "a name that is a number": (
        {"apps/bad.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 123}\n"},
        "BuildFailed",
        ("ConfigMap 123 has no metadata.name that is text: put the number in quotes",),
    ),
    "a missing file": (
        {"apps/kustomization.yaml": kustomization(resources=["kept.yaml", "gone.yaml"])},
        "BuildFailed",
        ("apps/gone.yaml", "no such file"),
    ),
    "a cycle": (
        {
            "apps/kustomization.yaml": kustomization(resources=["../base"]),
            "base/kustomization.yaml": kustomization(resources=["../apps"]),
        },
        "BuildFailed",
        ("cycle", "apps", "base"),
    ),
    "a path out of the tree": (
        {"apps/kustomization.yaml": kustomization(resources=["../../../etc/passwd"])},
        "BuildFailed",
        ("../../../etc/passwd",),
    ),
    "an absolute path": (
        {"apps/kustomization.yaml": kustomization(resources=["/etc/passwd"])},
        "BuildFailed",
        ("/etc/passwd",),
    ),
    "a symlink out": (
        {
            "apps/link.yaml": Symlink("../../../etc/passwd"),
            "apps/kustomization.yaml": kustomization(resources=["link.yaml"]),
        },
        "BuildFailed",
        ("link '/apps/link.yaml' leads out of the repository, to '../../../etc/passwd'",),
    ),
    "a link to a folder elsewhere": (
        {
            "apps/up": Symlink("/usr/share"),
            "apps/kustomization.yaml": kustomization(resources=["kept.yaml", "up"]),
        },
        "BuildFailed",
        ("link '/apps/up' leads out of the repository, to '/usr/share'",),
    ),
    "an unknown field of the kustomization": (
        {"apps/kustomization.yaml": "resources: [kept.yaml]\nresourcez: [x.yaml]\n"},
        "BuildFailed",
        ("resourcez", "kustomization.yaml"),
    ),
    "the folder is gone": ({"apps/kept.yaml": None}, "ArtifactFailed", ("apps",)),
}


@pytest.mark.parametrize(("files", "reason", "texts"), CASES.values(), ids=CASES)
async def test_one_clear_failure(
    world: World, files: dict[str, str | bytes | None], reason: str, texts: tuple[str, ...]
) -> None:
    await begin(world)
    message = await harmed(world, files, reason=reason)
    for text in texts:
        assert text in message
    assert "root:" not in message, "what lies outside of the tree was read"
    assert str(world.settings.storage.folder) not in message, "a folder of the controllers helps nobody"
    await healed(world)


async def test_links_in_a_folder_of_plain_files_are_left_out(world: World) -> None:
    """As Flux's artifacts have none; the rest of the folder is delivered."""
    await begin(world)
    world.repo.commit("Link", {"apps/link.yaml": Symlink("/etc/passwd")})
    await world.ready("apps", "other")
    assert await world.get("ConfigMap", "kept") is not None


async def test_an_object_that_is_there_twice(world: World) -> None:
    await begin(world)
    twice = config_map("kept", world.namespace, {"k": "2"})
    message = await harmed(world, {"apps/again.yaml": twice}, reason="BuildFailed")
    assert f"already registered id: ConfigMap.v1.[noGrp]/kept.{world.namespace}" in message  # kustomize's words
    found = await world.get("ConfigMap", "kept")
    assert found is not None
    assert found["data"] == {"k": "1"}
    await healed(world)


@pytest.mark.timeout(60)
async def test_a_file_of_50_megabytes(world: World) -> None:
    await begin(world)
    blob = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "big"}, "data": {}})
    line = "#" + "x" * 1023 + "\n"
    message = await harmed(world, {"apps/big.yaml": line * (50 * 1024) + blob}, reason="BuildFailed")
    assert "apps/big.yaml" in message
    assert "MB" in message or "MiB" in message or "bytes" in message
    await healed(world)


async def test_a_large_file_that_nobody_reads_harms_nobody(world: World) -> None:
    await begin(world)
    world.repo.commit("A video", {"docs/film.bin": b"\0" * (50 * 1024**2)})
    await world.ready("apps", "other")
