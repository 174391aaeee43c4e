"""Applies, updates and patches: the same object, owners and refusals as the real server's, step by step."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.localcluster.answers import (
    Refused,
    apply,
    change,
    create,
    differences,
    patched,
    recorded_causes,
    rows,
    without_values,
)

NOT_OURS = {
    "server fields in an apply 1": "selfLink is dropped where metadata are stored",
    "scale subresource 2": "the scale subresource belongs to the server",
    "two wrong types 1": "the real server names several errors in random order",
    "strategic wrong type 2": "the server words what a patched object does not fit",
    "json wrong type 2": "the server words what a patched object does not fit",
    "custom strategic 2": "the server refuses the media type",
}
ALLOCATED = (".spec.clusterIP", ".spec.ipFam")
GENERIC = "the server rejected our request due to an error in our request"
STEPS = [(row, before) for before, row in zip([{}, *rows("applies")[:-1]], rows("applies"), strict=True)]


def _answer(row: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    options, body, verb = row["options"], row["body"], row["verb"]
    manager, subresource = options["fieldManager"], options.get("sub", "")
    live = row.get("live")
    if live is None and not row["name"].endswith(" 1"):  # a refused step: what was there before
        live = before.get("object") or before.get("live")
    if verb == "create":
        return create(body, manager, "applies")
    if verb == "apply":
        return apply(live, body, manager, force=options.get("force", False), subresource=subresource)
    assert live is not None
    return change(live, patched(live, verb, body), manager, subresource)


@pytest.mark.parametrize(("row", "before"), [pytest.param(*step, id=step[0]["name"]) for step in STEPS])
def test_a_step_answers_what_the_real_server_answers(row: dict[str, Any], before: dict[str, Any]) -> None:
    if row["name"] in NOT_OURS:
        pytest.skip(NOT_OURS[row["name"]])
    if row["code"] < 300:
        found = differences(_answer(row, before), row["object"])
        assert [text for text in found if not text.startswith(ALLOCATED)] == []
        return
    with pytest.raises(Refused) as refused:
        _answer(row, before)
    assert refused.value.code == row["code"]
    if refused.value.causes is not None:
        assert without_values(refused.value.causes) == recorded_causes(row)
    elif row["message"] != GENERIC:
        assert refused.value.message == row["message"]
