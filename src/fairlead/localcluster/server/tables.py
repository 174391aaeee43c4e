"""Tables for ``kubectl get``: the printers' columns and cells, for built-in and custom resources."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairlead.localcluster.server.registry import Resource

__all__ = ["table_columns", "table_row"]


def table_columns(resource: Resource) -> list[dict[str, Any]]:
    return [
        {"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0},
        {"name": "Age", "type": "string", "format": "", "description": "", "priority": 0},
    ]


def table_row(resource: Resource, obj: dict[str, Any]) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC)
    age = now - datetime.datetime.fromisoformat(obj["metadata"]["creationTimestamp"])
    return {"cells": [obj["metadata"]["name"], f"{int(age.total_seconds())}s"]}
