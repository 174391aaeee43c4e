"""``fairlead`` with a detector for blocks of its loop: ``python -m tests.support.watched_program SECONDS FILE run …``.

Whatever holds the loop of the main thread for longer than so many seconds becomes a line of JSON in FILE.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import msgspec

from fairlead.cli.main import main
from tests.support.loop import Block, LoopWatch

__all__ = ["read_blocks"]


def read_blocks(path: Path) -> list[Block]:
    """What a watched program has told so far."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Block) for line in lines]


def _watched(limit: float, path: Path) -> None:
    def tell(block: Block) -> None:
        with path.open("ab") as sink:
            sink.write(msgspec.json.encode(asdict(block)) + b"\n")

    with LoopWatch(limit, tell):
        main()


if __name__ == "__main__":
    _watched(float(sys.argv.pop(1)), Path(sys.argv.pop(1)))
