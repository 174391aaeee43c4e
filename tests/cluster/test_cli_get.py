"""`fairlead get` shows what there is in Flux's columns, and says in one line when there is nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.cli import Cli
    from tests.support.world import World


def revision(world: World) -> str:
    return f"main@sha1:{world.repo.head[:8]}"


async def test_tables(cli: Cli, world: World) -> None:
    listed = await cli("get", "kustomizations")
    assert listed.code == 0
    assert listed.rows[0] == ["NAME", "REVISION", "SUSPENDED", "READY", "MESSAGE"]
    assert listed.rows[1] == ["apps", revision(world), "False", "True", f"Applied revision: {revision(world)}"]
    assert listed.rows[2][:4] == ["broken", "", "False", "False"]
    assert listed.rows[2][4].startswith("kustomize build failed: broken/x.yaml:2")
    assert (await cli("get", "ks", "apps", "--no-header", "--show-source")).rows == [
        ["apps", "GitRepository/fleet", *listed.rows[1][1:]]
    ]
    assert [row[0] for row in (await cli("get", "ks", "-A")).rows if row[1] in ("NAME", "apps")].count(
        world.namespace
    ) == 1
    everything = await cli("get", "all")
    names = [row[0] for row in everything.rows]
    assert names == ["NAME", "gitrepository/fleet", "", "NAME", "kustomization/apps", "kustomization/broken"]
    for words in (["sources", "git"], ["gitrepositories"]):
        assert (await cli("get", *words)).rows[1][:4] == ["fleet", revision(world), "False", "True"]


async def test_selectors(cli: Cli, world: World) -> None:
    failing = await cli("get", "ks", "--status-selector", "ready=false")
    assert [row[0] for row in failing.rows] == ["NAME", "broken"]
    assert (await cli("get", "ks", "--status-selector", "ready")).code == 2
    await world.patch("Kustomization", "apps", {"metadata": {"labels": {"team": "web"}}})
    assert [row[0] for row in (await cli("get", "ks", "-l", "team=web")).rows] == ["NAME", "apps"]


async def test_data(cli: Cli) -> None:
    one = json.loads((await cli("get", "ks", "apps", "-o", "json")).out)
    assert (one["kind"], one["metadata"]["name"]) == ("Kustomization", "apps")
    assert "managedFields" not in one["metadata"]
    every = json.loads((await cli("get", "all", "-o", "json")).out)
    assert [item["kind"] for item in every["items"]] == ["GitRepository", "Kustomization", "Kustomization"]
    assert (await cli("get", "ks", "apps", "-o", "yaml")).out.startswith("apiVersion: kustomize.toolkit.fluxcd.io/v1\n")


async def test_nothing_there(cli: Cli, world: World) -> None:
    missing = await cli("get", "ks", "nope")
    assert missing == (1, "", f"✗ Kustomization object 'nope' not found in {world.namespace} namespace\n")
    nothing = await cli("get", "sources", "git", "-n", "nowhere")
    assert nothing == (1, "", "✗ no GitRepository objects found in nowhere namespace\n")
    everything = await cli("get", "all", "-n", "nowhere")
    assert (everything.code, everything.out) == (0, "")
    assert "no GitRepository or Kustomization objects found in nowhere namespace" in everything.err
