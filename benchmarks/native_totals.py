"""`python -m benchmarks.native_totals FOLDER`: what rows of tiles in a file add up to, worked out by ClickHouse's engine.

A process of its own, as the engine cannot be closed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import chdb

from benchmarks.job import KEY, TOTALS

ROWS = "tiles.native"


def main() -> None:
    folder = Path(sys.argv[1])
    rows = [json.loads(line) for line in str(chdb.query(totals_of(f"file('{folder / ROWS}', Native)"), "JSONCompactEachRow")).splitlines()]
    (folder / TOTALS).write_text(json.dumps([[row[0], *map(int, row[1:])] for row in rows]))


def totals_of(tiles: str) -> str:
    """Return the query for group, window and sums: of each row of a tile its newest version, added up over tiles."""
    key = ", ".join(KEY)
    return (
        f"SELECT concatWithSeparator('|', {key}), toUnixTimestamp(window_start) * 1000, sum(v.1), sum(v.2), min(v.3), max(v.4) "
        f"FROM (SELECT {key}, window_start, argMax((n, sum, min, max), hi) AS v FROM {tiles} "
        f"GROUP BY {key}, window_start, late, generation, incarnation, partition, tile) GROUP BY {key}, window_start"
    )


if __name__ == "__main__":
    main()
