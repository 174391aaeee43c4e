"""Rows of ``kubectl get`` as a real server (1.35.4) answered them, against ours."""

from __future__ import annotations

import json
import lzma
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from fairlead.localcluster.printers import cells, columns
from fairlead.objects.ref import GroupVersionKind

RECORDED: list[dict[str, Any]] = json.loads(
    lzma.decompress((Path(__file__).parent / "data" / "recorded.json.xz").read_bytes())
)


def _title(record: dict[str, Any]) -> str:
    obj = record["object"]
    return f"{obj['apiVersion']}/{obj['kind']}/{obj['metadata']['name']}"


@pytest.mark.parametrize("record", RECORDED, ids=_title)
def test_cells_are_those_of_the_real_server(record: dict[str, Any]) -> None:
    now = datetime.fromisoformat(record["now"])
    assert cells(record["object"], now, record.get("columns")) == record["cells"]


@pytest.mark.parametrize("record", RECORDED, ids=_title)
def test_there_is_a_column_for_each_cell(record: dict[str, Any]) -> None:
    kind = GroupVersionKind.of(record["object"])
    if kind.kind == "IPAddress":
        pytest.skip("the real server sends a cell more than columns")
    assert len(columns(*kind, record.get("columns"))) == len(record["cells"])
