"""`python -m benchmarks.detection [--quick] [--json FILE] [--tiny]`."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.detection import days, nab, peers, report, streams_of_answers
from benchmarks.detection.setting import QUICK, Row, Setting
from benchmarks.services import BenchmarkError

TINY = Setting(drops=(10, 40), volumes=(30,), runs=60, with_peers=False)


def main() -> int:
    """Measure; 0 if everything ran, 1 if something could not."""
    args = _parse(sys.argv[1:])
    setting = TINY if args.tiny else QUICK if args.quick else Setting()
    try:
        result = _measured(peers.possible(setting))
    except BenchmarkError as error:
        print(f"benchmarks.detection: {error}", file=sys.stderr)
        return 1
    print("\n".join(report.lines(result)))
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.detection", description="How soon, and how often wrong."
    )
    parser.add_argument("--quick", action="store_true", help="fewer runs, under five minutes")
    parser.add_argument("--tiny", action="store_true", help="one volume, two drops, without river: a smoke test")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser.parse_args(arguments)


def _measured(setting: Setting) -> dict[str, Any]:
    rows: list[Row] = []
    parts = {"answers and blocks": streams_of_answers.rows, "days": days.rows}
    if setting.with_peers:
        parts["river"] = peers.rows
    for name, part in parts.items():
        print(f"{name} …", file=sys.stderr, flush=True)
        rows += part(setting)
    print("NAB …", file=sys.stderr, flush=True)
    return report.document(rows, nab.figures(with_peers=setting.with_peers), _versions(setting))


def _versions(setting: Setting) -> dict[str, str]:
    known = {"python": platform.python_version(), "numpy": version("numpy")}
    return {**known, "river": peers.version() if setting.with_peers else "left out"}


if __name__ == "__main__":
    sys.exit(main())
