"""Repositories of Flux's users, from an empty cluster to where each Kustomization can get."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.objects.yaml import load
from tests.corpora.cases import CASES, OFFICIAL, prepare
from tests.support.charts import Charts
from tests.support.corpus import CORPORA
from tests.support.git_server import GitServer
from tests.support.under_test import OTHER

if TYPE_CHECKING:
    from tests.support.fleet import Fleet

EXPECTED = Path(__file__).parent / "expected"
PATIENCE = 150.0
"""Seconds, for a busy machine; on a quiet one no repository takes a fifth of it."""
QUIET = 1.0
"""Nothing moves for this long (in seconds) before a state counts as final."""


def expected(name: str) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """Who does not become ready (reason, a part of the message, why); and what is made in place of charts."""
    table = load((EXPECTED / f"{name}.yaml").read_bytes())
    return {who: group for group in table["notReady"] for who in group["kustomizations"]}, set(table["played"])


async def settled(fleet: Fleet, wanted: dict[str, dict[str, Any]], count: int) -> None:
    """Until every Kustomization is in the state that the table says, and stays there."""
    loop = asyncio.get_running_loop()
    deadline, since = loop.time() + PATIENCE, loop.time()
    while True:
        found = await fleet.states()
        wrong = {who: state for who, state in found.items() if not fits(state, wanted.get(who))}
        if wrong or len(found) != count:
            since = loop.time()
        elif loop.time() - since > QUIET:
            return
        assert loop.time() < deadline, f"{len(found)} of {count} Kustomizations; not as the table says: {wrong}"
        await asyncio.sleep(0.2)


def fits(state: tuple[str, str], wanted: dict[str, Any] | None) -> bool:
    reason, message = state
    if wanted is None:
        return reason == "Ready"
    return reason == wanted["reason"] and wanted["says"] in message


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", OFFICIAL if OTHER else CASES)
async def test_a_repository_from_empty_and_again(name: str, fleet: Fleet, tmp_path: Path) -> None:
    if not CORPORA.is_dir():
        pytest.skip("the repositories in ../shared/corpora are not here")
    case, (wanted, played) = CASES[name], expected(name)
    async with GitServer(tmp_path / "srv") as server, Charts(fleet.client) as charts:
        await prepare(fleet, case, server)
        await fleet.start()
        await settled(fleet, wanted, case.kustomizations)
        assert fleet.writes(), "the first pass wrote something"
        assert charts.made == played
        assert {ref: owners for ref, owners in (await fleet.owners()).items() if len(owners) > 1} == case.shared
        before = await fleet.versions()
        await fleet.stop()
        await fleet.start()
        await fleet.all_seen_again(seconds=PATIENCE)
        await settled(fleet, wanted, case.kustomizations)
        after = await fleet.versions()
        written = {ref for ref in before.keys() | after.keys() if before.get(ref) != after.get(ref)}
        assert written <= case.shared.keys(), f"a second pass wrote {written - case.shared.keys()}"
        allowed = {("apply", resource) for resource in await fleet.resources(case.shared)}
        assert fleet.writes().keys() <= allowed, "a second pass wrote what did not change"
