"""Custom resources: the real server's pruning, defaults and validation, value by value."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.localcluster.schema.custom import decode_custom
from fairlead.localcluster.schema.decode import DecodeError
from tests.unit.localcluster.answers import Refused, create, recorded_causes, rows, schema_of, without_values

NOT_OURS = {"free v3": "the object is stored in another version, whose schema prunes it: the server's work"}


def _case(row: dict[str, Any]) -> Any:
    marks = [pytest.mark.skip(reason=NOT_OURS[row["name"]])] if row["name"] in NOT_OURS else []
    return pytest.param(row, id=row["name"], marks=marks)


@pytest.mark.parametrize("row", [_case(row) for row in rows("customs")])
def test_a_sample_is_taken_or_refused_as_by_the_real_server(row: dict[str, Any]) -> None:
    if row["code"] < 300:
        created = create(row["request"])
        assert created.get("spec") == row["object"].get("spec")
        assert ("status" in created) == ("status" in row["object"])
        return
    with pytest.raises(Refused) as refused:
        create(row["request"])
    assert refused.value.code == row["code"]
    if refused.value.causes is None:
        assert refused.value.message == row["message"]
    else:
        assert without_values(refused.value.causes) == recorded_causes(row)


@pytest.mark.parametrize("row", [_case(row) for row in rows("customs")])
def test_unknown_fields_are_named_as_by_the_real_server(row: dict[str, Any]) -> None:
    try:
        _, unknown = decode_custom(row["request"], schema_of(row["request"]))
    except DecodeError:
        assert row["code"] == 400
        return
    assert [f'299 - "{text}"'.replace('"', '\\"') for text in unknown] == [
        warning.replace('\\"', '"').replace('"', '\\"') for warning in row.get("warnings", ())
    ]
