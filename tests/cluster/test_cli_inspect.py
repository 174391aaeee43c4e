"""`fairlead events`, `tree`, `trace`, `history`, `export`: what happened, what belongs where, and from whose commit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest_asyncio

from fairlead.objects import yaml
from tests.support.cli import Cli
from tests.support.git_server import GitServer
from tests.support.manifests import config_map
from tests.support.repo import RepoBuilder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World


@pytest_asyncio.fixture
async def cli(world: World, tmp_path: Path) -> Cli:
    """A root that applies a Kustomization, which applies a ConfigMap."""
    child = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": world.namespace},
        "spec": {
            "interval": "10m",
            "path": "./apps",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        },
    }
    files = {"root/apps.yaml": yaml.dump(child), "apps/cm.yaml": config_map("settings", world.namespace, {"zone": "a"})}
    world.repo.commit("Begin", files)
    await world.git_repository()
    await world.kustomization("root", path="./root")
    await world.ready("root", "apps")
    return Cli(world.client.config, world.namespace, tmp_path)


async def test_events(cli: Cli, world: World) -> None:
    await world.event("apps", "Reconciliation finished")
    await world.event("fleet", "stored artifact", kind="GitRepository")
    listed = await cli("events")
    assert listed.rows[0] == ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    mine = await cli("events", "--for", "ks/apps", "--types", "Normal", "--no-header")
    assert {row[3] for row in mine.rows} == {"Kustomization/apps", "GitRepository/fleet"}
    assert (await cli("events", "--for", "ks/apps", "--types", "Warning")).code == 1
    assert (await cli("events", "--types", "Fatal")).code == 2
    assert (await cli("events", "--for", "foo/bar")).code == 2
    assert (await cli("events", "-A")).rows[0][0] == "NAMESPACE"


async def test_tree(cli: Cli, world: World) -> None:
    assert (await cli("tree", "ks", "root")).out.splitlines() == [
        f"Kustomization/{world.namespace}/root",
        f"└── Kustomization/{world.namespace}/apps",
        f"    └── ConfigMap/{world.namespace}/settings",
    ]
    assert "ConfigMap" not in (await cli("tree", "ks", "root", "--compact")).out
    data = json.loads((await cli("tree", "ks", "root", "-o", "json")).out)
    assert data["resources"][0]["resources"][0]["resource"]["GroupKind"]["Kind"] == "ConfigMap"


async def test_trace_names_commit_and_author(cli: Cli, world: World) -> None:
    answers = [
        await cli("trace", *words)
        for words in (
            ["configmap", "settings"],
            ["cm/settings"],
            ["settings", "--kind", "ConfigMap", "--api-version", "v1"],
        )
    ]
    assert len({answer.out for answer in answers}) == 1
    told = dict(line.split(":", 1) for line in answers[0].out.split("---")[1].strip().splitlines())
    assert told["Kustomization"].strip() == "apps"
    assert told["Revision"].strip() == f"main@sha1:{world.repo.head}"
    assert told["Commit"].strip() == "Begin"
    assert told["Author"].strip() == "Ada <ada@example.com>"
    assert told["File"].strip() == "apps/cm.yaml:1"
    made, owner, source = json.loads((await cli("trace", "cm/settings", "-o", "json")).out)
    assert made["Object"] == "ConfigMap/settings"
    assert (owner["Kustomization"], owner["Commit"]) == ("apps", "Begin")
    assert source["GitRepository"] == "fleet"
    assert "URL:" in answers[0].out.split("---")[2]


async def test_trace_names_what_changed_the_object(cli: Cli, world: World) -> None:
    """A patch in the repository is named with its file; a generated object by its generator."""
    kustomization = {
        "resources": ["cm.yaml"],
        "patches": [{"path": "zone.yaml"}],
        "configMapGenerator": [
            {"name": "made", "literals": ["a=b"], "options": {"disableNameSuffixHash": True}},
        ],
        "namespace": world.namespace,
    }
    files = {
        "apps/kustomization.yaml": yaml.dump(kustomization),
        "apps/zone.yaml": config_map("settings", world.namespace, {"zone": "c"}),
    }
    world.repo.commit("Patch", files)
    await world.ready("apps")
    patched = (await cli("trace", "cm", "settings")).out
    assert "File:          apps/cm.yaml:1\n" in patched
    assert "Changed by:    apps/zone.yaml:" in patched
    assert "(patches[0])" in patched
    made = (await cli("trace", "cm", "made")).out
    assert "File:          apps/kustomization.yaml:" in made
    assert "(configMapGenerator[0])" in made


async def test_trace_names_the_commit_of_each_object(cli: Cli, world: World) -> None:
    """Two objects of one Kustomization, written by two people: a change of one is not told of the other."""
    world.repo.author = "Grace"
    world.repo.commit("Add a colour", {"apps/colour.yaml": config_map("colour", world.namespace, {"a": "red"})})
    await world.ready("apps")
    world.repo.author = "Linus"
    world.repo.commit("Say more", {"README.md": "hello"})
    await world.ready("apps")
    for name, person, subject in (("settings", "Ada", "Begin"), ("colour", "Grace", "Add a colour")):
        _, owner, _ = json.loads((await cli("trace", f"cm/{name}", "-o", "json")).out)
        assert (owner["Author"].split()[0], owner["Commit"]) == (person, subject)
        assert owner["Revision"] == f"main@sha1:{world.repo.head}"
    world.repo.commit("Another colour", {"apps/colour.yaml": config_map("colour", world.namespace, {"a": "blue"})})
    await world.ready("apps")
    _, owner, _ = json.loads((await cli("trace", "cm/colour", "-o", "json")).out)
    assert (owner["Author"].split()[0], owner["Commit"]) == ("Linus", "Another colour")


async def test_trace_fetches_with_the_secret_and_what_is_included(cli: Cli, world: World, tmp_path: Path) -> None:
    async with GitServer(tmp_path / "srv") as server:
        server.users["ada"] = "swordfish"
        library, fleet = RepoBuilder(server.folder / "library.git"), RepoBuilder(server.folder / "far.git")
        files = {"far/own.yaml": config_map("own", world.namespace, {})}
        library.commit("Share", {"base/cm.yaml": config_map("shared", world.namespace, {})})
        fleet.commit("Begin", files)
        await world.apply("v1", "Secret", "door", stringData={"username": "ada", "password": "swordfish"})
        door = {"secretRef": {"name": "door"}}
        await world.git_repository("library", url=server.url("library.git"), **door)
        include = [{"repository": {"name": "library"}, "fromPath": "base", "toPath": "far/lib"}]
        await world.git_repository("far", url=server.url("far.git"), include=include, **door)
        await world.kustomization("far", path="far", sourceRef={"kind": "GitRepository", "name": "far"})
        await world.ready("far", commit=fleet.head)
        for name, place in (("own", "far/own.yaml:1"), ("shared", "far/lib/cm.yaml:1")):
            _, owner, source = json.loads((await cli("trace", f"cm/{name}", "-o", "json")).out)
            assert (owner["File"], source["GitRepository"]) == (place, "far")
        await world.delete("Secret", "door")
        _, owner, _ = json.loads((await cli("trace", "cm/own", "-o", "json")).out)
        assert owner["File"] == f"not known: Secret '{world.namespace}/door' not found: create it or fix the reference"


async def test_trace_says_why_the_file_is_not_known(cli: Cli, world: World) -> None:
    world.repo.folder.rename(world.repo.folder.with_name("moved"))
    try:
        answer = await cli("trace", "cm", "settings")
    finally:
        world.repo.folder.with_name("moved").rename(world.repo.folder)
    assert answer.code == 0
    assert "File:          not known: " in answer.out
    assert "Commit:        Begin\n" in answer.out


async def test_trace_of_kustomizations_and_strangers(cli: Cli, world: World) -> None:
    assert "Kustomization: root\n" in (await cli("trace", "ks", "apps")).out
    root = (await cli("trace", "ks", "root")).out
    assert "Not managed by a Kustomization" in root
    assert "GitRepository: fleet\n" in root
    await world.apply("v1", "ConfigMap", "mine")
    stranger = await cli("trace", "cm", "mine")
    assert stranger == (
        1,
        "",
        f"✗ ConfigMap/{world.namespace}/mine is not managed by a Kustomization: it has no owner labels\n",
    )
    assert "-n chooses another namespace" in (await cli("trace", "cm", "nope")).err
    assert (await cli("trace", "foo", "bar")).err == "✗ the cluster does not know the kind 'foo'\n"


async def test_trace_follows_owners(cli: Cli, world: World) -> None:
    """A pod carries no owner labels of Flux; the chain of owners leads to what does."""
    live = await world.get("ConfigMap", "settings")
    assert live is not None
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "uid": live["metadata"]["uid"]}
    made = {"name": "made", "namespace": world.namespace, "ownerReferences": [{**owner, "controller": True}]}
    await world.client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": made})
    answer = await cli("trace", "cm", "made")
    assert "Made by:   ConfigMap/settings\n" in answer.out
    assert "Kustomization: apps\n" in answer.out


async def test_history_keeps_who_delivered(cli: Cli, world: World) -> None:
    first = world.repo.head
    world.repo.author = "Grace"
    second = world.repo.commit("Move", {"apps/cm.yaml": config_map("settings", world.namespace, {"zone": "b"})})
    await world.ready("apps")
    world.repo.author = "Linus"
    world.repo.commit("Touch nothing of it", {"other.txt": "x"})
    await world.ready("apps")

    listed = await cli("history", "ks", "apps")
    assert listed.rows[0] == ["LAST", "RESULT", "REVISION", "RUNS", "TOOK", "AUTHOR", "COMMIT"]
    told = [(row[1], row[2], row[5], row[6]) for row in listed.rows[1:]]
    assert told == [
        ("ReconciliationSucceeded", f"main@sha1:{second[:8]}", "Grace <ada@example.com>", "Move"),
        ("ReconciliationSucceeded", f"main@sha1:{first[:8]}", "Ada <ada@example.com>", "Begin"),
    ]
    changes = (await cli("history", "ks", "apps", "--changes")).out
    assert f"    ConfigMap/{world.namespace}/settings configured\n" in changes
    assert f"    ConfigMap/{world.namespace}/settings created\n" in changes
    assert "Grace <ada@example.com>" in (await cli("trace", "cm", "settings")).out.split("---")[1]


async def test_export(cli: Cli) -> None:
    (exported,) = yaml.load_all((await cli("export", "ks", "root")).out)
    assert set(exported) == {"apiVersion", "kind", "metadata", "spec"}
    assert set(exported["metadata"]) == {"name", "namespace"}
    assert "suspend" not in exported["spec"]
    assert len(yaml.load_all((await cli("export", "ks", "--all")).out)) == 2
    assert (await cli("export", "ks")).code == 2
    assert (await cli("export", "source", "git", "nope")).code == 1
