"""`python -m benchmarks [--quick] [--json FILE] [--only NAME,…] [--events N] [--rounds N]`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import columns, freshness, growth, queries, report, stages, tile_settings
from benchmarks.events import NARROW, WIDE
from benchmarks.roster import ENTRIES, Entry
from benchmarks.rounds import Figures, field_of, measure
from benchmarks.services import BenchmarkError

QUICK_EVENTS, EVENTS = 300_000, 1_000_000
QUICK_ROUNDS, ROUNDS = 3, 5
FRESH, GROWTH, QUERIES, TILES, COLUMNS = "freshness", "growth", "queries", "tiles", "columns"
PARTS = (FRESH, GROWTH, QUERIES, TILES, COLUMNS)
"""What is measured beside the contestants; the quick set has freshness only."""
RATES: Mapping[str, Sequence[tuple[int, int]]] = {
    "quick": [(10_000, 20)],
    "full": [(1_000, 30), (10_000, 30), (30_000, 30)],
}
"""(events a second, seconds)."""


def main() -> int:
    """Measure; 0 if all totals were right, 1 if anything failed."""
    args = _parse(sys.argv[1:])
    try:
        with tempfile.TemporaryDirectory(prefix="xpulse-bench-") as folder:
            result = _measure(args, Path(folder))
    except BenchmarkError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    print("\n".join(report.lines(result)))
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    names = [*(entry.name for entry in ENTRIES), *PARTS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure xpulse beside its peers.")
    parser.add_argument("--quick", action="store_true", help="the quick set, under ten minutes")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--only", default="", help=f"comma-separated, of: {', '.join(names)}")
    parser.add_argument("--events", type=int, help=f"default {EVENTS:,}, quick {QUICK_EVENTS:,}")
    parser.add_argument("--rounds", type=int, help=f"default {ROUNDS}, quick {QUICK_ROUNDS}; medians are taken")
    args = parser.parse_args(arguments)
    args.only = [name for name in args.only.split(",") if name]
    for name in args.only:
        if name not in names:
            parser.error(f"--only: there is no {name}; allowed: {', '.join(names)}")
    args.events = args.events or (QUICK_EVENTS if args.quick else EVENTS)
    args.rounds = args.rounds or (QUICK_ROUNDS if args.quick else ROUNDS)
    return args


def _measure(args: argparse.Namespace, folder: Path) -> dict[str, object]:
    entries = [e for e in ENTRIES if (e.name in args.only if args.only else e.in_quick or not args.quick)]
    with field_of(folder / "wide", WIDE, args.events) as ground:
        figures = measure(ground, entries, args.rounds, must_all=bool(args.only))
    found = report.Findings(
        figures=figures,
        narrow={} if args.quick or args.only else _narrow(folder, entries, args),
        freshness=_freshness(folder, args) if _is_wanted(FRESH, args) else {},
        growth=_growth(folder, args) if _is_wanted(GROWTH, args) else [],
        queries=queries.measure(folder / QUERIES) if _is_wanted(QUERIES, args) else {},
        tiles=list(tile_settings.points()) if _is_wanted(TILES, args) else [],
        columns=columns.costs(folder / COLUMNS) if _is_wanted(COLUMNS, args) else {},
        stages=stages.costs() if _is_wanted(COLUMNS, args) else {},
    )
    return report.document(found)


def _is_wanted(part: str, args: argparse.Namespace) -> bool:
    if args.only:
        return part in args.only
    return part == FRESH or not args.quick


def _narrow(folder: Path, entries: Sequence[Entry], args: argparse.Namespace) -> Mapping[str, Figures]:
    print("1,000 groups", file=sys.stderr)
    fast = [entry for entry in entries if entry.limit is None]
    with field_of(folder / "narrow", NARROW, args.events) as ground:
        return measure(ground, fast, args.rounds, must_all=True)


def _freshness(folder: Path, args: argparse.Namespace) -> dict[str, float]:
    found = {}
    for rate, seconds in RATES["quick" if args.quick else "full"]:
        found[str(rate)] = freshness.freshness_p99_s(folder / f"freshness-{rate}", rate, seconds)
        print(f"  freshness p99 at {rate:,} events/s: {found[str(rate)]:.2f} s", file=sys.stderr, flush=True)
    return found


def _growth(folder: Path, args: argparse.Namespace) -> list[growth.Point]:
    (folder / GROWTH).mkdir()
    return list(growth.points(folder / GROWTH, args.events, with_long=not args.quick))


if __name__ == "__main__":
    sys.exit(main())
