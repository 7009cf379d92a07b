"""What is printed and written."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.detection.setting import Row
from benchmarks.detection.streams_of_answers import BEST, OURS
from benchmarks.report import machine

AIM = 1.5
HEADINGS = (
    "detector",
    "reads",
    "drop",
    "answers a day",
    "delay, answers",
    "delay, days",
    "false alerts a year",
    "run length asked",
    "run length come",
)


def document(rows: Sequence[Row], nab: Mapping[str, Any], versions: Mapping[str, str]) -> dict[str, Any]:
    """Return everything as it is written as JSON."""
    return {
        "rows": [asdict(row) for row in rows],
        "ratios": ratios(rows),
        "nab": dict(nab),
        "machine": machine(),
        "versions": dict(versions),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def ratios(rows: Sequence[Row]) -> dict[str, dict[str, float | bool | None]]:
    """Return "unit/answers a day/drop" -> delay of ours over that of the tuned CUSUM at the same run length."""
    best = {_place(row): row for row in rows if row.detector == BEST}
    return {"/".join(map(str, _place(row))): _ratio(row, best[_place(row)]) for row in rows if row.detector == OURS}


def _place(row: Row) -> tuple[str, int, int]:
    return row.unit, row.answers_a_day, row.drop


def _ratio(ours: Row, best: Row) -> dict[str, float | bool | None]:
    if ours.delay_answers is None or best.delay_answers is None:
        return {"is": None, "aim": AIM, "kept": False}
    ratio = ours.delay_answers / best.delay_answers
    return {"is": round(ratio, 3), "aim": AIM, "kept": ratio <= AIM}


def lines(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield a Markdown page of the figures."""
    yield "| " + " | ".join(HEADINGS) + " |"
    yield "|---" * len(HEADINGS) + "|"
    for row in result["rows"]:
        yield "| " + " | ".join(_cells(row)) + " |"
    yield ""
    for place, ratio in result["ratios"].items():
        yield f"- delay of ours over the tuned CUSUM's, {place}: {_ratio_text(ratio)}"
    yield from _nab_lines(result["nab"])
    yield f"- {result['date']}, {result['machine']}"
    yield "- " + ", ".join(f"{name} {number}" for name, number in result["versions"].items())


def _cells(row: Mapping[str, Any]) -> Iterator[str]:
    yield from (row["detector"], row["unit"], str(row["drop"]), f"{row['answers_a_day']:,}")
    yield _number(row["delay_answers"], 0)
    yield _number(row["delay_days"], 1)
    yield f"{row['false_alerts_a_year']:,.1f}"
    yield _number(row["configured_run_length"], 0)
    yield _number(row["realised_run_length"], 0)


def _number(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:,.{places}f}"


def _ratio_text(ratio: Mapping[str, Any]) -> str:
    if ratio["is"] is None:
        return "one of them did not find it"
    return f"{ratio['is']:.2f} (aim: at most {ratio['aim']}: {'kept' if ratio['kept'] else 'missed'})"


def _nab_lines(nab: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    if "left_out" in nab:
        yield f"NAB left out: {nab['left_out']}"
        return
    yield "| detector | NAB score (0 = null, 100 = perfect) | windows found | of | false alarms | series |"
    yield "|---|---|---|---|---|---|"
    for name, figures in nab["detectors"].items():
        yield (
            f"| {name} | {figures['score']:.1f} | {figures['found']} | {figures['windows']} | {figures['false']} "
            f"| {figures['series']} |"
        )
    yield ""
