"""A backtest as a picture: a line of signs per target for terminals, and SVG for everything else."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import pairwise

from streams.plan.backtest import Backtest, Course, Label, Raised

SIGNS = 64
"""Signs of a line: equal parts of the time."""

WIDTH, HEIGHT, LEFT, TOP, BAR = 960, 120, 24, 40, 10
WOULD, WAS, TRUTH, LINE = "#0072B2", "#E69F00", "#BBBBBB", "#333333"

Period = tuple[int, int]
"""(from, until) in ms UTC."""


def timeline(found: Backtest) -> list[str]:
    """Return lines of text: per target with any alert when it would have been open (#), and when it was."""
    names = sorted({one.target for one in (*found.would, *found.was)})
    width = max(map(len, names), default=0)
    lines = [f"{'':{width}}         {_day(found.from_ms)} {'·' * (SIGNS - 22)} {_day(found.until_ms)}"] if names else []
    for name in names:
        for word, some in (("would", found.would), ("was", found.was)):
            signs = _signs([_period(one, found) for one in some if one.target == name and one.calls], found)
            lines.append(f"{name if word == 'would' else '':{width}}  {word:<5}  {signs}")
    return lines


def _signs(periods: Sequence[Period], found: Backtest) -> str:
    length = max(1, found.until_ms - found.from_ms)
    edges = [found.from_ms + length * part // SIGNS for part in range(SIGNS + 1)]
    return "".join(
        "#" if any(begin < right and end >= left for begin, end in periods) else "·" for left, right in pairwise(edges)
    )


def svg(found: Backtest) -> str:
    """Return an SVG document: per target its rolling score, its objective, the truth and both sets of alerts."""
    height = TOP + HEIGHT * len(found.courses) + 10
    rows = [_row(course, TOP + HEIGHT * index, found) for index, course in enumerate(found.courses)]
    legend = ((WOULD, "would be raised"), (WAS, "were raised"), (TRUTH, "something was wrong"))
    keys = "".join(
        f'<rect x="{LEFT + 190 * index}" y="8" width="14" height="14" fill="{colour}"/>'
        f'<text x="{LEFT + 20 + 190 * index}" y="20">{words}</text>'
        for index, (colour, words) in enumerate(legend)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12"><rect width="{WIDTH}" height="{height}" fill="white"/>'
        f"{keys}{''.join(rows)}</svg>\n"
    )


def _row(course: Course, top: int, found: Backtest) -> str:
    would = [_period(one, found) for one in found.would if one.target == course.target and one.calls]
    was = [_period(one, found) for one in found.was if one.target == course.target and one.calls]
    wrong = [_cut(label, found) for label in found.labels if _concerns(label, course)]
    level = _y(course.objective, course, top)
    points = " ".join(f"{_x(at_ms, found):.1f},{_y(score, course, top):.1f}" for at_ms, score in course.points)
    return (
        f'<g><text x="{LEFT}" y="{top + 12}">{escape(course.target)}</text>'
        + _bars(wrong, top + 16, HEIGHT - 24, TRUTH, found)
        + _bars(would, top + 16, BAR, WOULD, found)
        + _bars(was, top + 18 + BAR, BAR, WAS, found)
        + f'<line x1="{LEFT}" x2="{WIDTH - LEFT}" y1="{level:.1f}" y2="{level:.1f}" stroke="{LINE}" '
        + f'stroke-dasharray="4 3"/><polyline points="{points}" fill="none" stroke="{LINE}"/></g>'
    )


def _bars(periods: Iterable[Period], y: int, height: int, colour: str, found: Backtest) -> str:
    return "".join(
        f'<rect x="{_x(begin, found):.1f}" y="{y}" width="{max(2.0, _x(end, found) - _x(begin, found)):.1f}" '
        f'height="{height}" fill="{colour}"/>'
        for begin, end in periods
    )


def _x(at_ms: int, found: Backtest) -> float:
    return LEFT + (WIDTH - 2 * LEFT) * (at_ms - found.from_ms) / max(1, found.until_ms - found.from_ms)


def _y(score: float, course: Course, top: int) -> float:
    return top + HEIGHT - 8 - (HEIGHT - 52) * (score - course.lowest) / (course.highest - course.lowest)


def _period(one: Raised, found: Backtest) -> Period:
    return one.from_ms, found.until_ms if one.until_ms is None else min(one.until_ms, found.until_ms)


def _cut(label: Label, found: Backtest) -> Period:
    return max(label.from_ms, found.from_ms), min(label.until_ms, found.until_ms)


def _concerns(label: Label, course: Course) -> bool:
    return course.target == label.target or course.target.startswith(f"{label.target}/")


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%d")
