"""A dashboard as a value: rows of panels, variables and links; and as Grafana's JSON (classic, schema version 41)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from agents.screens.macros import ALL
from agents.screens.palette import WATCH
from agents.screens.panels import SOURCE, Json, Panel, target

GRID_WIDTH = 24
SCHEMA_VERSION = 41


class Choice(Protocol):
    """A variable."""

    @property
    def name(self) -> str: ...

    def to_json(self) -> Json:
        """Return Grafana's model of it."""


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A choice at the top of the dashboard, filled by a query with one column.

    Attributes:
        is_multi: Several may be chosen, or all of them, which is the default; else its first value is.
    """

    name: str
    label: str
    sql: str
    is_multi: bool = False

    def to_json(self) -> Json:
        """Return Grafana's query variable, asked again whenever the time range changes."""
        model: Json = {
            "type": "query",
            "name": self.name,
            "label": self.label,
            "datasource": SOURCE,
            "query": target(self.sql, "table"),
            "refresh": 2,
            "sort": 0,
            "multi": self.is_multi,
            "includeAll": self.is_multi,
            "hide": 0,
            "options": [],
        }
        return {**model, "current": {"text": "All", "value": [ALL]}} if self.is_multi else model


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A choice out of a fixed list; the first one is the default."""

    name: str
    label: str
    values: tuple[str, ...]

    def to_json(self) -> Json:
        """Return Grafana's custom variable."""
        return {
            "type": "custom",
            "name": self.name,
            "label": self.label,
            "query": ",".join(self.values),
            "multi": False,
            "includeAll": False,
            "hide": 0,
            "current": {"text": self.values[0], "value": self.values[0]},
            "options": [
                {"text": value, "value": value, "selected": number == 0} for number, value in enumerate(self.values)
            ],
        }


@dataclass(frozen=True, kw_only=True)
class Notes:
    """Marks over the lines of all panels. The query returns `time`, `title` and `text`."""

    name: str
    sql: str
    colour: str = WATCH

    def to_json(self) -> Json:
        """Return Grafana's annotation query."""
        model = {"name": self.name, "datasource": SOURCE, "enable": True, "hide": False, "iconColor": self.colour}
        return {**model, "target": target(self.sql, "table")}


@dataclass(frozen=True, kw_only=True)
class Link:
    """A way to another screen, at the top; it keeps the time range."""

    title: str
    url: str
    tooltip: str

    def to_json(self) -> Json:
        """Return Grafana's dashboard link."""
        model: Json = {"type": "link", "icon": "dashboard", "title": self.title, "tooltip": self.tooltip}
        rest: Json = {"tags": [], "asDropdown": False, "includeVars": False, "keepTime": True, "targetBlank": False}
        return {**model, "url": self.url, **rest}


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
        links: Ways to other screens; those with a selection pass it on.
    """

    uid: str
    title: str
    description: str
    variables: tuple[Choice, ...]
    rows: tuple[Row, ...]
    links: tuple[Link, ...]
    notes: tuple[Notes, ...] = ()
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
            "annotations": {"list": [note.to_json() for note in self.notes]},
            "links": [link.to_json() for link in self.links],
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
