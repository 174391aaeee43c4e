"""The packed facts about built-in kinds, read once when first needed.

Both files are derived from a running kube-apiserver and its Go types; ``tests/referees/gotypes`` remakes them.
"""

from __future__ import annotations

import json
import lzma
from functools import cache
from importlib import resources
from typing import Any

from fairlead.localcluster.schema.types import GoField, Presence

__all__ = ["components", "go_types", "kinds"]


def _unpack(name: str) -> Any:
    packed = resources.files("fairlead.localcluster").joinpath("data", name).read_bytes()
    return json.loads(lzma.decompress(packed))


@cache
def components() -> dict[str, dict[str, Any]]:
    """Every OpenAPI v3 component schema by name, as the server publishes it but without prose; not to be changed."""
    schemas: dict[str, dict[str, Any]] = _unpack("components.json.xz")["schemas"]
    return schemas


@cache
def go_types() -> dict[str, dict[str, GoField]]:
    """Per component the Go facts of its fields."""
    packed: dict[str, dict[str, list[Any]]] = _unpack("gofields.json.xz")
    return {
        name: {key: GoField(Presence(row[0]), row[1], row[2], *row[3:]) for key, row in fields.items()}
        for name, fields in packed.items()
    }


@cache
def kinds() -> dict[tuple[str, str, str], str]:
    """(group, version, kind) to component name, for whole objects (lists and option kinds included)."""
    found: dict[tuple[str, str, str], str] = {}
    for name, schema in components().items():
        for gvk in schema.get("x-kubernetes-group-version-kind", ()):
            found.setdefault((gvk["group"], gvk["version"], gvk["kind"]), name)
    return found
