"""Tables as Flux prints them: upper-case headers, cells padded to the column's width and parted by a tab."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["format_table"]


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, with_header: bool = True) -> str:
    """Lines without a final newline; every row has as many cells as ``header``."""
    lines = [list(header)] if with_header else []
    lines += [[cell.replace("\n", " ") for cell in row] for row in rows]
    if not lines:
        return ""
    widths = [max(_width(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "\t".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
