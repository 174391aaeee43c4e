"""Creating built-in kinds: the real server's defaults, owners and refusals."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.localcluster.answers import (
    Refused,
    create,
    differences,
    recorded_causes,
    rows,
    without_values,
)

NOT_OURS = {
    "generate name bad": "the generated name is random",
    "namespace mismatch": "the server compares with the path",
    "resource version on create": "the server refuses or drops it",
    "managed fields bad": "owners that cannot be read are dropped where the request is decoded",
    "scaler v1": "the server converts between the versions of this kind",
    "job selector": "the refused object's uid is random",
}
ALLOCATED = (
    ".metadata.resourceVersion",
    ".spec.clusterIP",
    ".spec.ipFam",
    ".spec.ports[0].nodePort",
    ".status.lastPhaseTransitionTime",
)


def _case(row: dict[str, Any]) -> Any:
    marks = [pytest.mark.skip(reason=NOT_OURS[row["name"]])] if row["name"] in NOT_OURS else []
    return pytest.param(row, id=row["name"], marks=marks)


@pytest.mark.parametrize("row", [_case(row) for row in rows("creates")])
def test_an_object_is_filled_or_refused_as_by_the_real_server(row: dict[str, Any]) -> None:
    if row["code"] < 300:
        found = differences(create(row["request"]), row["object"])
        assert [text for text in found if not text.startswith(ALLOCATED) and "metadata.name:" not in text] == []
        return
    with pytest.raises(Refused) as refused:
        create(row["request"])
    assert refused.value.code == row["code"]
    if refused.value.causes is None:
        assert refused.value.message == row["message"]
    else:
        assert without_values(refused.value.causes) == recorded_causes(row)
