"""Changing built-in kinds: what the real server lets change, what it counts, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.localcluster.answers import (
    Refused,
    change,
    differences,
    patched,
    recorded_causes,
    rows,
    without_values,
)

NOT_OURS = {
    "name": "the server compares with the path",
    "namespace": "the server compares with the path",
    "resource version": "the optimistic lock is the server's",
    "resource version text": "the optimistic lock is the server's",
    "service cluster ip empty": "addresses are the server's",
    "service to external name": "addresses are the server's",
}
ALLOCATED = (".spec.ports[0].nodePort",)


def _case(row: dict[str, Any]) -> Any:
    marks = [pytest.mark.skip(reason=NOT_OURS[row["name"]])] if row["name"] in NOT_OURS else []
    return pytest.param(row, id=row["name"], marks=marks)


@pytest.mark.parametrize("row", [_case(row) for row in rows("updates")])
def test_a_change_is_made_or_refused_as_by_the_real_server(row: dict[str, Any]) -> None:
    live = row["live"]
    if row["code"] < 300:
        found = differences(change(live, patched(live, "merge", row["patch"])), row["object"])
        assert [text for text in found if not text.startswith(ALLOCATED)] == []
        return
    with pytest.raises(Refused) as refused:
        change(live, patched(live, "merge", row["patch"]))
    assert refused.value.code == row["code"]
    assert refused.value.causes is not None
    assert without_values(refused.value.causes) == recorded_causes(row)
