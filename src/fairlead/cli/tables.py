"""Tables as Flux prints them: upper-case headers, cells padded to the column's width and parted by a tab."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Table", "format_table"]


class Table:
    """Rows that may come later keep the columns of the first ones, as far as they fit."""

    def __init__(self, header: Sequence[str]) -> None:
        self._header = header
        self._widths = [0] * len(header)

    def lines(self, rows: Sequence[Sequence[str]], *, with_header: bool = True) -> str:
        """Lines without a final newline; every row has as many cells as the header."""
        lines = [list(self._header)] if with_header else []
        lines += [[" ".join(cell.splitlines()) for cell in row] for row in rows]
        for line in lines:
            self._widths = [max(width, _width(cell)) for width, cell in zip(self._widths, line, strict=True)]
        return "\n".join(
            "\t".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, self._widths, strict=True))
            for line in lines
        )


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, with_header: bool = True) -> str:
    """A table all of whose rows are known."""
    return Table(header).lines(rows, with_header=with_header)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
