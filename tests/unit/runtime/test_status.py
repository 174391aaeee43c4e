"""Statuses: nothing without a change, one request with one, and nobody's conditions lost."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.kube.client import KubeClient
from fairlead.kube.errors import ConflictApiError, NotFoundError
from fairlead.runtime.status import StatusPatcher, merge_diff
from tests.support.clock import VirtualClock
from tests.support.fake_api import FakeApi, Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.objects.manifest import Manifest

KUSTOMIZATION = Kind("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations")


def condition(type: str, status: str = "True", reason: str = "Succeeded", message: str = "ok") -> dict[str, Any]:
    return {
        "type": type,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": 1,
    }


class Bed:
    def __init__(self, api: FakeApi, client: KubeClient) -> None:
        self.api = api
        self.client = client
        self.patcher = StatusPatcher(client, field_manager="kustomize-controller")

    def patcher_with(self, clock: VirtualClock) -> StatusPatcher:
        return StatusPatcher(self.client, field_manager="kustomize-controller", clock=clock)

    def put(self, status: dict[str, Any], uid: str = "u1") -> Manifest:
        return self.api.put(
            {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "kind": "Kustomization",
                "metadata": {"namespace": "apps", "name": "web", "uid": uid},
                "status": status,
            }
        )

    @property
    def status(self) -> dict[str, Any]:
        return dict(next(iter(self.api.objects.values()))["status"])


@pytest.fixture
async def bed() -> AsyncIterator[Bed]:
    async with FakeApi(KUSTOMIZATION) as api, KubeClient(api.config) as client:
        yield Bed(api, client)


async def test_nothing_changed_nothing_written(bed: Bed) -> None:
    live = bed.put({"conditions": [condition("Ready")], "inventory": {"entries": [1]}})
    assert await bed.patcher.patch(live, deepcopy(live["status"])) is live
    assert not bed.api.requests


async def test_everything_goes_in_one_request(bed: Bed) -> None:
    live = bed.put({"conditions": [condition("Ready", "Unknown")], "gone": 1, "deep": {"kept": 1, "old": 2}})
    after = await bed.patcher.patch(live, {"conditions": [condition("Ready")], "deep": {"kept": 1, "new": 3}})
    (sent,) = bed.api.seen("PATCH")
    assert sent.path.endswith("/kustomizations/web/status")
    assert sent.query == {"fieldManager": "kustomize-controller"}
    assert sent.body["status"] == {
        "gone": None,
        "deep": {"old": None, "new": 3},
        "conditions": [condition("Ready")],
    }
    assert sent.body["metadata"] == {"resourceVersion": live["metadata"]["resourceVersion"]}
    assert after["status"] == bed.status == {"conditions": [condition("Ready")], "deep": {"kept": 1, "new": 3}}
    assert not bed.api.seen("GET", "kustomizations")


async def test_conditions_that_do_not_change_are_not_sent(bed: Bed) -> None:
    live = bed.put({"conditions": [condition("Ready")], "observedGeneration": 1})
    bed.put({"conditions": [condition("Ready"), condition("Foreign")], "observedGeneration": 1})
    await bed.patcher.patch(live, {**live["status"], "observedGeneration": 2})
    assert all("conditions" not in request.body["status"] for request in bed.api.seen("PATCH"))
    assert len(bed.api.seen("PATCH")) == 2, "somebody else had written meanwhile"
    assert bed.status["observedGeneration"] == 2
    assert len(bed.status["conditions"]) == 2


async def test_foreign_conditions_survive_and_ours_win(bed: Bed) -> None:
    live = bed.put({"conditions": [condition("Ready", "False"), condition("Reconciling")]})
    bed.put(
        {"conditions": [condition("Ready", "Unknown", "Other"), condition("Reconciling"), condition("Foreign")], "x": 1}
    )
    await bed.patcher.patch(live, {"conditions": [condition("Ready")], "y": 2})
    assert bed.status == {"conditions": [condition("Ready"), condition("Foreign")], "x": 1, "y": 2}
    assert len(bed.api.seen("PATCH")) == 2
    assert len(bed.api.seen("GET", "kustomizations")) == 1


async def test_five_tries_and_no_more(bed: Bed) -> None:
    live = bed.put({"conditions": []})
    bed.api.fail(409, method="PATCH", times=4, reason="Conflict")
    await bed.patcher.patch(live, {"conditions": [condition("Ready")]})
    live = bed.put({"conditions": []})
    bed.api.fail(409, method="PATCH", times=99, reason="Conflict")
    with pytest.raises(ConflictApiError):
        await bed.patcher.patch(live, {"conditions": [condition("Ready")]})
    assert len(bed.api.seen("PATCH")) == 10


async def test_somebody_else_has_done_it_already(bed: Bed) -> None:
    live = bed.put({"conditions": []})
    bed.put({"conditions": [condition("Ready")]})
    await bed.patcher.patch(live, {"conditions": [condition("Ready")]})
    assert len(bed.api.seen("PATCH")) == 1, "the second look found nothing left to do"


@pytest.mark.parametrize("status", [{"observedGeneration": 2}, {"conditions": [condition("Ready")]}])
async def test_a_successor_of_the_name_is_left_alone(bed: Bed, status: dict[str, Any]) -> None:
    live = bed.put({})
    bed.api.remove("Kustomization", "apps", "web")
    bed.put({}, uid="u2")
    with pytest.raises(NotFoundError, match="another object has that name now"):
        await bed.patcher.patch(live, status)
    assert bed.status == {}


async def test_an_object_that_is_gone(bed: Bed) -> None:
    live = bed.put({})
    bed.api.remove("Kustomization", "apps", "web")
    with pytest.raises(NotFoundError):
        await bed.patcher.patch(live, {"conditions": [condition("Ready")]})


async def test_a_quick_run_costs_one_write(bed: Bed) -> None:
    live, clock = bed.put({"conditions": []}), VirtualClock()
    async with bed.patcher_with(clock).session(live, delay=0.5) as session:
        session.progress({"conditions": [condition("Ready", "Unknown", "Progressing")]})
        await clock.advance(0.4)
        session.progress({"conditions": [condition("Ready", "Unknown", "Building")]})
        await session.write({"conditions": [condition("Ready")]})
    assert len(bed.api.seen("PATCH")) == 1
    assert bed.status == {"conditions": [condition("Ready")]}


async def test_a_long_run_shows_its_newest_progress(bed: Bed) -> None:
    live, clock = bed.put({"conditions": []}), VirtualClock()
    async with bed.patcher_with(clock).session(live, delay=0.5) as session:
        session.progress({"conditions": [condition("Ready", "Unknown", "Progressing")]})
        session.progress({"conditions": [condition("Ready", "Unknown", "Building")]})
        await clock.advance(0.6)
        await bed.api.asked("PATCH")
        assert bed.status["conditions"][0]["reason"] == "Building"
        await session.write({"conditions": [condition("Ready")]})
        assert session.live["status"] == bed.status
    assert len(bed.api.seen("PATCH")) == 2
    assert not bed.api.seen("GET", "kustomizations")


async def test_a_failure_in_the_run_comes_out_as_it_is(bed: Bed) -> None:
    live = bed.put({"conditions": []})
    with pytest.raises(ZeroDivisionError):
        async with bed.patcher.session(live):
            raise ZeroDivisionError


async def test_a_failure_to_show_progress_is_no_failure_of_the_run(bed: Bed) -> None:
    live, clock = bed.put({"conditions": []}), VirtualClock()
    bed.api.fail(403, method="PATCH", reason="Forbidden")
    async with bed.patcher_with(clock).session(live, delay=1) as session:
        session.progress({"conditions": [condition("Ready", "Unknown")]})
        await clock.advance(2)
        await bed.api.asked("PATCH")
        await session.write({"conditions": [condition("Ready")]})
    assert bed.status == {"conditions": [condition("Ready")]}


JSON_OBJECTS = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        st.integers() | st.text(max_size=2) | st.lists(st.integers(), max_size=2),
        lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    ),
)


def apply_merge(base: Any, patch: Any) -> Any:
    """RFC 7386, written down once more for the test."""
    if not isinstance(patch, dict):
        return patch
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = apply_merge(result.get(key), value)
    return result


@given(JSON_OBJECTS, JSON_OBJECTS)
def test_a_merge_diff_leads_from_one_to_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert apply_merge(before, merge_diff(before, after)) == after
    assert merge_diff(after, after) == {}
