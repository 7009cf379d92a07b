"""A line chart with intervals and a bar chart as SVG, for a notebook without a plotting library."""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 260, 130, 30, 24
BLUE, GREY, ORANGE = "#0072B2", "#999999", "#E69F00"


class Chart:
    """Shapes that Jupyter shows as a picture."""

    def __init__(self, title: str, shapes: Sequence[str], height: int = HEIGHT) -> None:
        self._title, self._shapes, self._height = title, shapes, height

    def _repr_svg_(self) -> str:
        size = f'viewBox="0 0 {WIDTH} {self._height}" font-family="sans-serif" font-size="12"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
        title = f'<text x="{LEFT}" y="16" font-size="14">{escape(self._title)}</text>'
        return "\n".join([head, title, *self._shapes, "</svg>"])


def line(title: str, points: Sequence[tuple[str, float, float, float]]) -> Chart:
    """Draw (label, lower, score, upper) from left to right: a line in its band."""
    low, high = min(p[1] for p in points), max(p[3] for p in points)
    span = (high - low) or 1.0

    def x(i: int) -> float:
        return LEFT + (WIDTH - LEFT - 20) * (i / max(1, len(points) - 1))

    def y(value: float) -> float:
        return TOP + 8 + (HEIGHT - TOP - BOTTOM - 16) * (high - value) / span

    band = [f"{x(i):.1f},{y(p[3]):.1f}" for i, p in enumerate(points)]
    band += [f"{x(i):.1f},{y(p[1]):.1f}" for i, p in reversed(list(enumerate(points)))]
    path = " ".join(f"{x(i):.1f},{y(p[2]):.1f}" for i, p in enumerate(points))
    step = max(1, len(points) // 8)
    ticks = [
        f'<text x="{x(i):.1f}" y="{HEIGHT - 8}" text-anchor="middle" fill="{GREY}">{escape(p[0])}</text>'
        for i, p in enumerate(points)
        if i % step == 0
    ]
    marks = [
        f'<text x="{LEFT - 8}" y="{y(v) + 4:.1f}" text-anchor="end" fill="{GREY}">{v:.0f}</text>' for v in (low, high)
    ]
    return Chart(title, [
        f'<polygon points="{" ".join(band)}" fill="{BLUE}" opacity="0.15"/>',
        f'<polyline points="{path}" fill="none" stroke="{BLUE}" stroke-width="2"/>', *ticks, *marks,
    ])  # fmt: skip


def bars(title: str, values: Sequence[tuple[str, float]], mark: str = "") -> Chart:
    """Draw (label, value >= 0) from top to bottom; the one called `mark` stands out."""
    most = max((value for _, value in values), default=1.0) or 1.0
    shapes = []
    for i, (name, value) in enumerate(values):
        y, width = TOP + 8 + 20 * i, (WIDTH - LEFT - 90) * value / most
        colour = ORANGE if name == mark else BLUE
        shapes += [
            f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="15" fill="{colour}"/>',
            f'<text x="{LEFT + width + 6:.1f}" y="{y + 12}" fill="{GREY}">{value:,.1f}</text>',
        ]
    return Chart(title, shapes, TOP + 20 + 20 * len(values))
