"""Put the figures of a series into the documents.

    python -m bench.fleet.render FOLDER

reads ``fleet-*.json`` there, replaces the table between the two marks in ``docs/design/performance.md``, and writes the
plot beside that document.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench.fleet.goals import COMMIT, table
from bench.fleet.plot import draw

DOCUMENT = Path("docs/design/performance.md")
PLOT = DOCUMENT.with_name("fleet.svg")
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def main() -> None:
    found = [json.loads(path.read_text()) for path in sorted(Path(sys.argv[1]).glob("fleet-*.json"))]
    if not found:
        raise SystemExit(f"no fleet-*.json in {sys.argv[1]}")
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table(found)}\n\n![latency and cost by size]({PLOT.name})\n{END}{after}")
    PLOT.write_text(draw([results for results in found if COMMIT in results]))


if __name__ == "__main__":
    main()
