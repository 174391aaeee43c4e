"""What callers of apply rely on beyond the recorded answers: identity, sharing, limits."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fairlead.localcluster.merge.apply import apply_patch, keep_timestamps, record_update
from fairlead.localcluster.merge.managers import MAX_UPDATE_MANAGERS
from fairlead.localcluster.schema.schemaset import builtin_schema
from fairlead.localcluster.schema.types import ANYTHING

CONFIG_MAP = builtin_schema("", "v1", "ConfigMap")
assert CONFIG_MAP is not None
DATA = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("12"))
NOW, LATER = "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"


def conf(data: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}


def applied(live: dict[str, Any] | None, data: dict[str, Any], manager: str = "us", now: str = NOW) -> dict[str, Any]:
    assert CONFIG_MAP is not None
    return apply_patch(live, conf(data), manager=manager, force=True, schema=CONFIG_MAP, now=now)


def owned(obj: dict[str, Any], manager: str) -> set[str]:
    for entry in obj["metadata"].get("managedFields", ()):
        if entry["manager"] == manager:
            return {key[2:] for key in entry["fieldsV1"].get("f:data", {}) if key != "."}
    return set()


@given(DATA)
def test_applying_twice_gives_the_live_object_back(data: dict[str, str]) -> None:
    live = applied(None, data)
    assert applied(live, data, now=LATER) is live


@given(DATA, DATA, DATA)
def test_forced_apply_wins_and_owns_all_that_it_says(first: Any, second: Any, third: Any) -> None:
    live = applied(applied(None, first), second, "other")
    result = applied(live, third, now=LATER)
    for key, value in third.items():
        assert result["data"][key] == value
    assert owned(result, "us") == set(third)
    # What nobody applies any more is gone; what the other one applied stays.
    assert set(result.get("data") or {}) == set(second) | set(third)


@given(DATA, DATA)
def test_arguments_are_never_changed(first: Any, second: Any) -> None:
    live = applied(None, first)
    before = copy.deepcopy(live)
    applied(live, second, "other")
    record_update(live, conf(second), manager="editor", schema=ANYTHING, now=LATER)
    assert live == before


def test_unchanged_parts_are_shared() -> None:
    live = applied(None, {"a": "1"}) | {"binaryData": {"x": "YQ=="}}
    assert applied(live, {"a": "2"})["binaryData"] is live["binaryData"]


def test_true_is_not_one_in_free_fields() -> None:
    body = {"apiVersion": "x.example/v1", "kind": "X", "metadata": {"name": "a"}, "spec": {"on": 1}}
    live = apply_patch(None, body, manager="us", force=False, schema=ANYTHING, now=NOW)
    changed = {**body, "spec": {"on": True}}
    result = apply_patch(live, changed, manager="us", force=False, schema=ANYTHING, now=LATER)
    assert result["spec"]["on"] is True


def test_old_updaters_are_merged() -> None:
    assert CONFIG_MAP is not None
    obj = record_update(None, conf({}), manager="maker", schema=CONFIG_MAP, now=NOW)
    obj = record_update(None, conf({"k": "0"}), manager="maker", schema=CONFIG_MAP, now=NOW)
    for number in range(15):
        new = {**obj, "data": {**obj["data"], f"k{number}": "1"}}
        obj = record_update(obj, new, manager=f"m{number:02}", schema=CONFIG_MAP, now=f"2020-01-01T00:00:{number:02}Z")
    names = [entry["manager"] for entry in obj["metadata"]["managedFields"]]
    assert len(names) == MAX_UPDATE_MANAGERS
    assert "ancient-changes" in names
    assert "m14" in names


def test_times_alone_are_no_change() -> None:
    live = applied(None, {"a": "1"})
    again = copy.deepcopy(live)
    again["metadata"]["managedFields"][0]["time"] = LATER
    assert keep_timestamps(live, again) is live
    again["data"]["a"] = "2"
    assert keep_timestamps(live, again) is again
