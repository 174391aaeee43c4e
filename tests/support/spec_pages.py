"""The tables of tests in a page of ``docs/spec/``: what they name, must name, and whether the tests exist.

A row is ``| `spec.ref.branch`, `spec.ref.tag` | `tests/cluster/test_x.py::test_y` |``. Lists are written ``include[]``;
a key of a Secret is written ``spec.secretRef: password``.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec.inspect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["BY_FIELD", "BY_REASON", "fields_of", "missing_tests", "reasons_of", "rows_of"]

BY_FIELD = "## Tests by field"
BY_REASON = "## Tests by reason, event and mark"
_QUOTED = re.compile(r"`([^`]+)`")


def fields_of(kind: type) -> set[str]:
    """Every field of ``spec`` and ``status`` that holds a value, by its path on the wire."""
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    parts = {field.encode_name: field.type for field in info.fields}
    return {path for part in ("spec", "status") for path in _walk(parts[part], part)}


def _walk(info: msgspec.inspect.Type, path: str) -> Iterator[str]:
    match info:
        case msgspec.inspect.Metadata():
            yield from _walk(info.type, path)
        case msgspec.inspect.UnionType():
            real = [each for each in info.types if not isinstance(each, msgspec.inspect.NoneType)]
            if len(real) == 1:
                yield from _walk(real[0], path)
            else:
                yield path
        case msgspec.inspect.ListType():
            yield from _walk(info.item_type, path + "[]")
        case msgspec.inspect.StructType():
            for field in info.fields:
                yield from _walk(field.type, f"{path}.{field.encode_name}")
        case _:
            yield path.removesuffix("[]")


def rows_of(page: Path, heading: str = BY_FIELD) -> dict[str, list[str]]:
    """A table of a page, below a heading: field → the tests that are named for it."""
    _, found, text = page.read_text(encoding="utf-8").partition(f"{heading}\n")
    assert found, f"{page.name} has no '{heading}'"
    rows: dict[str, list[str]] = {}
    for line in text.split("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 2 and cells[1] != "test":
            for field in _QUOTED.findall(cells[0]):
                assert field not in rows, f"{page.name} names {field} twice"
                rows[field] = _QUOTED.findall(cells[1])
    return rows


def reasons_of(page: Path) -> set[str]:
    """What the page's list of reasons names."""
    _, found, text = page.read_text(encoding="utf-8").partition("Reasons of `Ready=False`:")
    assert found, f"{page.name} has no list of reasons"
    return {word for word in _QUOTED.findall(text.partition("\n\n")[0]) if word[0].isupper()}


def missing_tests(root: Path, names: list[str]) -> list[str]:
    """Those of ``path/test_x.py::test_y`` that are not there, or are written in another form."""
    return [name for name in names if not _exists(root, name)]


def _exists(root: Path, name: str) -> bool:
    path, separator, function = name.partition("::")
    return bool(separator) and (root / path).is_file() and function in _functions(root / path)


@lru_cache
def _functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions) and node.name[:5] == "test_")
