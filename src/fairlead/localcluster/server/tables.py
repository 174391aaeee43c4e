"""Tables for ``kubectl get``: the printers' columns and cells, for built-in and custom resources."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from fairlead.localcluster.printers import cells, columns

if TYPE_CHECKING:
    from fairlead.localcluster.server.registry import Resource

__all__ = ["table_columns", "table_row"]


def table_columns(resource: Resource) -> list[dict[str, Any]]:
    custom = resource.custom.columns if resource.custom else None
    return columns(resource.group, resource.version, resource.kind, custom)


def table_row(resource: Resource, obj: dict[str, Any]) -> dict[str, Any]:
    """A row without its object."""
    custom = resource.custom.columns if resource.custom else None
    return {"cells": cells(obj, datetime.datetime.now(datetime.UTC), custom)}
