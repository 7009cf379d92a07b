"""A panel of values over time."""

from dataclasses import dataclass

from agents.screens.panels import METRICS, NO_DATA, Json, drawn, override, target

OPTIONS: Json = {
    "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
    "tooltip": {"mode": "multi", "sort": "desc"},
}


@dataclass(frozen=True, kw_only=True)
class Series:
    """How one line is drawn.

    Attributes:
        name: The column's name in SQL.
        dashed: A promise or a bound instead of a measurement.
        stepped: A value that holds until the next one.
        fill_below_to: Name of the line down to which the area is filled; empty = none.
    """

    name: str
    colour: str
    dashed: bool = False
    stepped: bool = False
    fill_below_to: str = ""

    def to_json(self) -> Json:
        """Return the field override."""
        wanted = {
            "color": {"mode": "fixed", "fixedColor": self.colour},
            "custom.lineStyle": {"fill": "dash", "dash": [10, 10]} if self.dashed else None,
            "custom.lineInterpolation": "stepAfter" if self.stepped else None,
            "custom.fillBelowTo": self.fill_below_to or None,
        }
        return override(self.name, wanted)


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Values over time. The query returns `time`, ascending, and one column per series.

    Attributes:
        missing: What it says without any row.
    """

    title: str
    description: str
    sql: str
    series: tuple[Series, ...]
    unit: str = "none"
    decimals: int = 1
    missing: str = NO_DATA

    def to_json(self) -> Json:
        """Return the panel without id and place."""
        return drawn(
            self,
            kind="timeseries",
            targets=[target(self.sql, "timeseries")],
            defaults={"unit": self.unit, "decimals": self.decimals, "noValue": self.missing, "custom": _custom(fill=8)},
            overrides=[one.to_json() for one in self.series],
            options=OPTIONS,
        )


@dataclass(frozen=True, kw_only=True)
class MetricLines:
    """Metrics of the processes over time.

    Attributes:
        queries: (PromQL, name of its lines; `{{label}}` is that label's value).
    """

    title: str
    description: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "none"

    def to_json(self) -> Json:
        """Return the panel without id and place."""
        asked = [
            {
                "refId": chr(ord("A") + number),
                "datasource": METRICS,
                "expr": expr,
                "legendFormat": legend,
                "range": True,
            }
            for number, (expr, legend) in enumerate(self.queries)
        ]
        defaults: Json = {"unit": self.unit, "min": 0, "custom": _custom(fill=0)}
        return drawn(self, kind="timeseries", targets=asked, defaults=defaults, options=OPTIONS)


def _custom(*, fill: int) -> Json:
    return {"drawStyle": "line", "lineWidth": 2, "fillOpacity": fill, "showPoints": "auto", "spanNulls": False}
