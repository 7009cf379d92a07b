"""The demo's live view in a terminal, and the same in plain lines where there is none.

States differ by word and sign, not by colour alone; the colours are told apart by colour-blind people, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from agents.demo.watch import Snapshot, TargetRow

BLUE, ORANGE, RED, GREY = "#56B4E9", "#E69F00", "#D55E00", "grey62"
ARROWS = {"up": "↑ up", "down": "↓ down", "flat": "→ flat", "unknown": "·"}
SIGNS = {
    "met": "✓ met",
    "missed": "✗ missed",
    "undecided": "? undecided",
    "too_few": "… too few",
    "no_data": "· no data",
}
COLOURS = {"met": BLUE, "missed": RED, "undecided": ORANGE, "too_few": GREY, "no_data": GREY}
STALE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Everything on the screen at one moment.

    Attributes:
        left_s: Seconds of input left; None = until stopped.
        parts: Name -> state in words.
        notes: What happened, newest last.
    """

    tenant: str
    phase: str
    elapsed_s: float
    left_s: float | None
    parts: Mapping[str, str]
    notes: Sequence[str]
    snapshot: Snapshot


def render(frame: Frame, height: int) -> RenderableType:
    """Return the screen for a terminal of `height` lines."""
    alerts = _alerts(frame)
    rows = max(3, height - 16 - min(6, len(frame.notes)) - len(frame.snapshot.alerts))
    return Group(_head(frame), _targets(frame.snapshot.targets, rows), alerts, _notes(frame))


def _head(frame: Frame) -> Panel:
    shot = frame.snapshot
    line = Text()
    line.append(f"{shot.events_per_s:,.0f} events/s", style=f"bold {BLUE}")
    line.append(f"   {shot.events:,} readings in windows   {shot.answers_released:,} answers released   ")
    line.append(f"freshness p50 {_seconds(shot.freshness_p50_s)}  p99 {_seconds(shot.freshness_p99_s)}   ")
    line.append(f"{shot.quarantined} in quarantine")
    if not shot.is_answering:
        line.append("   ClickHouse does not answer: figures are old", style=f"bold {RED}")
    parts = Text("  ".join(f"{name} {state}" for name, state in frame.parts.items()), style=GREY)
    left = "until Ctrl-C" if frame.left_s is None else f"{max(0.0, frame.left_s):.0f} s left"
    title = f"xpulse demo · {frame.tenant} · {frame.phase} · {frame.elapsed_s:.0f} s · {left}"
    return Panel(Group(line, parts), title=title, border_style=BLUE)


def _targets(rows: Sequence[TargetRow], most: int) -> Table:
    table = Table(expand=True, pad_edge=False, header_style="bold", box=None)
    for name, side in _COLUMNS:
        table.add_column(name, justify=side, no_wrap=True)
    for row in rows[:most]:
        table.add_row(*_cells(row))
    if len(rows) > most:
        table.add_row(Text(f"… and {len(rows) - most} more that are better", style=GREY))
    return table


_COLUMNS: Sequence[tuple[str, Literal["left", "right"]]] = (
    ("target, worst first", "left"),
    ("now", "right"),
    ("95 % interval", "right"),
    ("goal", "right"),
    ("n", "right"),
    ("trend", "left"),
    ("verdict", "left"),
    ("drift", "left"),
    ("age", "right"),
)


def _cells(row: TargetRow) -> tuple[Text | str, ...]:
    verdict = Text(SIGNS[row.verdict], style=COLOURS[row.verdict])
    drift = Text("▲ DRIFTING", style=f"bold {RED}") if row.drifting else Text("steady", style=GREY)
    age = Text("STALE", style=f"bold {ORANGE}") if row.age_s > STALE_S else Text(f"{row.age_s:.0f} s", style=GREY)
    interval = "" if row.lower is None or row.upper is None else f"{row.lower:.1f} … {row.upper:.1f}"
    score = "–" if row.score is None else f"{row.score:.1f}{_unit(row)}"
    goal = f"{row.objective:g}{_unit(row)}"
    return row.target, score, interval, goal, f"{row.n:,}", ARROWS.get(row.trend, row.trend), verdict, drift, age


def _unit(row: TargetRow) -> str:
    return " %" if row.indicator == "good_time" else ""


def _alerts(frame: Frame) -> RenderableType:
    alerts = frame.snapshot.alerts
    if not alerts:
        return Text("no alerts", style=GREY)
    lines = [
        Text(f"{'▲ FIRING' if alert.state == 'firing' else '✓ resolved'}  {alert.summary}", style=RED, overflow="fold")
        for alert in alerts
    ]
    return Panel(Group(*lines), title="alerts", border_style=RED)


def _notes(frame: Frame) -> Text:
    return Text("\n".join(frame.notes[-6:]), style=GREY)


def line(frame: Frame) -> str:
    """Return one line of text for a log or a pipe."""
    shot = frame.snapshot
    firing = sum(alert.state == "firing" for alert in shot.alerts)
    return (
        f"{frame.elapsed_s:5.0f} s  {frame.phase:<9} {shot.events_per_s:6,.0f} events/s  {shot.events:8,} readings  "
        f"{shot.answers_released:6,} answers released  freshness p99 {_seconds(shot.freshness_p99_s)}  {firing} firing"
    )


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"
