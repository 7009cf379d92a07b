"""A dashboard as a value: rows of panels, variables, and the JSON that Grafana reads (classic, schema version 41)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agents.screens.panels import SOURCE, Json, Panel, target

GRID_WIDTH = 24
SCHEMA_VERSION = 41


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A choice at the top of the dashboard, filled by a query with one column; its first value is the default."""

    name: str
    label: str
    sql: str

    def to_json(self) -> Json:
        """Return Grafana's query variable: one value at a time, asked again whenever the time range changes."""
        return {
            "type": "query",
            "name": self.name,
            "label": self.label,
            "datasource": SOURCE,
            "query": target(self.sql, "table"),
            "refresh": 2,
            "sort": 0,
            "multi": False,
            "includeAll": False,
            "hide": 0,
            "options": [],
        }


@dataclass(frozen=True, kw_only=True)
class Row:
    """Panels side by side.

    Attributes:
        height: Grid units of 30 pixels.
        panels: (panel, width in 24ths), left to right; widths sum up to at most 24.
    """

    height: int
    panels: tuple[tuple[Panel, int], ...]

    def __post_init__(self) -> None:
        if sum(width for _, width in self.panels) > GRID_WIDTH:
            raise ValueError(f"row of {[panel.title for panel, _ in self.panels]} is wider than {GRID_WIDTH}")


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """One screen.

    Attributes:
        uid: Stable id; part of its address.
        refresh: How often the screen asks again, e.g. "10s"; Grafana allows 5 s at least.
        since: Start of the time range, e.g. "now-6h".
    """

    uid: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    refresh: str = "10s"
    since: str = "now-6h"
    tags: tuple[str, ...] = ("xpulse",)

    def panels(self) -> Iterator[Panel]:
        """Yield the panels in reading order."""
        for row in self.rows:
            yield from (panel for panel, _ in row.panels)

    def to_json(self) -> Json:
        """Return the whole model."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": list(self.tags),
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "editable": False,
            "timezone": "browser",
            "refresh": self.refresh,
            "time": {"from": self.since, "to": "now"},
            "templating": {"list": [variable.to_json() for variable in self.variables]},
            "annotations": {"list": []},
            "links": [],
            "panels": list(self._placed()),
        }

    def _placed(self) -> Iterator[Mapping[str, object]]:
        number, y = 1, 0
        for row in self.rows:
            x = 0
            for panel, width in row.panels:
                yield {"id": number, "gridPos": {"x": x, "y": y, "w": width, "h": row.height}, **panel.to_json()}
                number, x = number + 1, x + width
            y += row.height


def render(dashboard: Dashboard) -> str:
    """Return the file's text: stable, readable in a diff, with a final newline."""
    return json.dumps(dashboard.to_json(), indent=2, ensure_ascii=False) + "\n"
