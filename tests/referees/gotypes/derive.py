"""Writes the local cluster's data about built-in kinds.

``python derive.py SCHEMAS GOTYPES OUT``: SCHEMAS is the dump of the API server's OpenAPI components
(``schemas.json.xz``), GOTYPES what ``go run .`` printed here, OUT the folder for ``components.json.xz`` and
``gofields.json.xz``.
"""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path
from typing import Any


def pack(path: Path, value: Any) -> None:
    text = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    path.write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))


def compact(name: str, fields: dict[str, Any]) -> dict[str, list[Any]]:
    """Per field: presence, Go type, the declaring struct if it is another one, and the printed zero value."""
    own = name.rpartition(".")[2]
    result: dict[str, list[Any]] = {}
    for key, field in fields.items():
        row: list[Any] = [field["p"], field["t"], "" if field["s"] == own else field["s"]]
        if field["p"] == "a":
            row.append(field.get("z"))
        result[key] = row
    return result


def main(schemas: Path, go_types: Path, out: Path) -> None:
    document = json.loads(lzma.decompress(schemas.read_bytes()))
    components = document["schemas"]
    fields = json.loads(go_types.read_text())
    pack(out / "components.json.xz", {"version": document["version"], "schemas": components})
    pack(out / "gofields.json.xz", {name: compact(name, fields[name]) for name in components if name in fields})


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
