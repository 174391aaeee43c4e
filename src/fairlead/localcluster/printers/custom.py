"""Columns of custom resources: ``additionalPrinterColumns`` of their definition."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fairlead.localcluster.printers.age import since
from fairlead.localcluster.printers.jsonpath import JSONPathError, parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fairlead.localcluster.printers.text import Manifest

_DESCRIPTION = "Custom resource definition column (in JSONPath format): "
_AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def custom_columns(crd_columns: Sequence[Manifest]) -> list[Manifest]:
    """The columns after ``Name``; without any there is an ``Age``."""
    return [
        {
            "name": column["name"],
            "type": column["type"],
            "format": column.get("format") or "",
            "description": column.get("description") or f"{_DESCRIPTION}{column['jsonPath']}",
            "priority": column.get("priority") or 0,
        }
        for column in crd_columns or (_AGE,)
    ]


def custom_cells(obj: Manifest, now: datetime, crd_columns: Sequence[Manifest]) -> list[Any]:
    """The cells after the name; what is missing or of another type than the column says is ``None``."""
    return [_cell(obj, now, column) for column in crd_columns or (_AGE,)]


def _cell(obj: Manifest, now: datetime, column: Manifest) -> Any:
    try:
        found = parse(column["jsonPath"]).find(obj)
    except JSONPathError:
        return None
    if not found:
        return None
    value = found[0]
    match column["type"]:
        case "string":
            return _text(value)
        case "integer":
            return int(value) if _is_number(value) else None
        case "number":
            return value if _is_number(value) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "date":
            return since(value, now) if isinstance(value, str) else None
        case _:
            return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return str(value)
