"""`python -m benchmarks.native_totals FOLDER`: what rows of tiles in a file add up to, by ClickHouse's own engine.

A process of its own, as the engine cannot be closed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import chdb

from benchmarks.job import KEY, ROWS, TOTALS

_KEY = ", ".join(KEY)


def main() -> None:
    folder = Path(sys.argv[1])
    sql = totals_of(f"file('{folder / ROWS}', Native)")
    answer = str(chdb.query(sql, "JSONCompactEachRow"))  # type: ignore[no-untyped-call]
    rows = map(json.loads, answer.splitlines())
    (folder / TOTALS).write_text(json.dumps([[row[0], *map(int, row[1:])] for row in rows]))


def totals_of(tiles: str) -> str:
    """Return the query for group, window and sums: of each row of a tile its newest version, added up over tiles."""
    newest = (
        f"SELECT {_KEY}, window_start, argMax((n, sum, min, max), hi) AS v FROM {tiles} "  # noqa: S608 - our constants
        f"GROUP BY {_KEY}, window_start, late, generation, incarnation, partition, tile"
    )
    return (
        f"SELECT concatWithSeparator('|', {_KEY}), toUnixTimestamp(window_start) * 1000, "  # noqa: S608 - the same
        f"sum(v.1), sum(v.2), min(v.3), max(v.4) FROM ({newest}) GROUP BY {_KEY}, window_start"
    )


if __name__ == "__main__":
    main()
