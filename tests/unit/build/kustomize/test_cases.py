"""The conformance cases: what a real kustomize printed, or refused, for the same files."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from fairlead.build.kustomize import KustomizeError, KustomizeOptions, build, render
from tests.unit.build.kustomize.support import SHARED, tree

CASES = SHARED / "kustomize" / "cases.jsonl"


def cases() -> list[Any]:
    if not CASES.is_file():
        return [pytest.param(None, marks=pytest.mark.skip(reason="../shared/kustomize is not here"), id="absent")]
    with CASES.open(encoding="utf-8") as lines:
        return [pytest.param(case, id=case["name"]) for case in map(json.loads, lines)]


@pytest.mark.parametrize("case", cases())
def test_case(case: dict[str, Any]) -> None:
    files = {path: text.encode("utf-8", "surrogateescape") for path, text in case["files"].items()}
    asked = case["options"]
    options = KustomizeOptions(
        root_only=asked.get("load_restrictor") != "none",
        legacy_order=asked.get("reorder") != "none",
        managed_by_label=bool(asked.get("managedby_label")),
        lenient=False,
    )
    if case["expected"] is not None:
        text = render(build(tree(files), case["build_dir"], options))
        assert text.strip() == case["expected"].strip()
        return
    with pytest.raises(KustomizeError) as caught:
        render(build(tree(files), case["build_dir"], options))
    message = f"Error: {caught.value}"
    if case.get("error_regex"):
        assert re.search(case["error_regex"], message)
    for part in case.get("error_all") or [case["error"]]:
        assert part.strip() in message
