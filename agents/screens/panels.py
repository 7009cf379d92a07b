"""Panels of a Grafana dashboard as values; `to_json` gives Grafana's classic panel model (schema version 41).

A panel holds what it asks and how its answer reads; where it stands is the dashboard's business.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from agents.screens.palette import QUIET

Json = dict[str, Any]

PLUGIN = "grafana-clickhouse-datasource"
PLUGIN_VERSION = "4.20.0"
SOURCE: Json = {"type": PLUGIN, "uid": "xpulse-clickhouse"}
"""The data source of `grafana/provisioning/datasources/`: a reader of the published views."""


class Panel(Protocol):
    """What a dashboard needs of a panel."""

    @property
    def title(self) -> str: ...

    @property
    def sql(self) -> str:
        """The query, with Grafana's macros and variables still in it."""

    def to_json(self) -> Json:
        """Return the panel without id and place."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """How one value is shown: its text and its colour."""

    text: str
    colour: str


@dataclass(frozen=True, kw_only=True)
class Column:
    """How one column of the answer is shown.

    Attributes:
        name: The column's name in SQL; also its heading.
        unit: A Grafana unit id, e.g. "dateTimeFromNow"; empty = plain.
        decimals: Digits after the point; None = as it comes.
        width: Pixels; 0 = as wide as there is room.
        words: Value -> word; the cell takes the word's colour.
    """

    name: str
    unit: str = ""
    decimals: int | None = None
    width: int = 0
    words: Mapping[str, Word] = field(default_factory=dict)

    def to_json(self) -> Json:
        """Return the field override."""
        wanted = {
            "unit": self.unit or None,
            "decimals": self.decimals,
            "custom.width": self.width or None,
            "mappings": _mappings(self.words) or None,
            "custom.cellOptions": {"type": "color-text"} if self.words else None,
        }
        properties = [{"id": name, "value": value} for name, value in wanted.items() if value is not None]
        return {"matcher": {"id": "byName", "options": self.name}, "properties": properties}


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows as they come; the query decides their order."""

    title: str
    description: str
    sql: str
    columns: tuple[Column, ...]

    def to_json(self) -> Json:
        """Return the panel without id and place."""
        defaults = {"custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False}}
        return _panel(
            self,
            kind="table",
            query="table",
            defaults=defaults,
            overrides=[column.to_json() for column in self.columns],
            options={"showHeader": True, "cellHeight": "md"},
        )


@dataclass(frozen=True, kw_only=True)
class Stat:
    """One number or word, large. The query returns one row with one column.

    Attributes:
        steps: (from value, colour), ascending; below the first the panel is grey.
        words: Value -> word shown instead of it.
        above: (from value, word): shown from this value on, e.g. a stale age.
    """

    title: str
    description: str
    sql: str
    unit: str = "none"
    decimals: int | None = 0
    steps: tuple[tuple[float, str], ...] = ()
    words: Mapping[str, Word] = field(default_factory=dict)
    above: tuple[float, Word] | None = None

    def to_json(self) -> Json:
        """Return the panel without id and place."""
        defaults: Json = {
            "unit": self.unit,
            "mappings": _mappings(self.words) + _range_mapping(self.above),
            "color": {"mode": "thresholds"},
            "thresholds": _thresholds(self.steps),
            "noValue": "no data",
        }
        if self.decimals is not None:
            defaults["decimals"] = self.decimals
        options = {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "/.*/", "values": False},
            "colorMode": "value",
            "graphMode": "none",
            "textMode": "value",
            "justifyMode": "center",
        }
        return _panel(self, kind="stat", query="table", defaults=defaults, overrides=[], options=options)


@dataclass(frozen=True, kw_only=True)
class Series:
    """How one line is drawn.

    Attributes:
        name: The column's name in SQL.
        dashed: A promise or a bound instead of a measurement.
        fill_below_to: Name of the line down to which the area is filled; empty = none.
    """

    name: str
    colour: str
    dashed: bool = False
    fill_below_to: str = ""

    def to_json(self) -> Json:
        """Return the field override."""
        wanted = {
            "color": {"mode": "fixed", "fixedColor": self.colour},
            "custom.lineStyle": {"fill": "dash", "dash": [10, 10]} if self.dashed else None,
            "custom.fillBelowTo": self.fill_below_to or None,
        }
        properties = [{"id": name, "value": value} for name, value in wanted.items() if value is not None]
        return {"matcher": {"id": "byName", "options": self.name}, "properties": properties}


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Values over time. The query returns `time`, ascending, and one column per series."""

    title: str
    description: str
    sql: str
    series: tuple[Series, ...]
    unit: str = "none"

    def to_json(self) -> Json:
        """Return the panel without id and place."""
        custom = {"drawStyle": "line", "lineWidth": 2, "fillOpacity": 8, "showPoints": "auto", "spanNulls": False}
        return _panel(
            self,
            kind="timeseries",
            query="timeseries",
            defaults={"unit": self.unit, "custom": custom},
            overrides=[one.to_json() for one in self.series],
            options={"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        )


class _Described(Panel, Protocol):
    @property
    def description(self) -> str: ...


def _panel(
    panel: _Described,
    *,
    kind: str,
    query: Literal["table", "timeseries"],
    defaults: Json,
    overrides: list[Json],
    options: Json,
) -> Json:
    return {
        "type": kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "targets": [target(panel.sql, query)],
        "fieldConfig": {"defaults": defaults, "overrides": overrides},
        "options": options,
    }


def target(sql: str, query: Literal["table", "timeseries"]) -> Json:
    """Return the plugin's query model: format 1 is a table, 0 a time series."""
    return {
        "refId": "A",
        "datasource": SOURCE,
        "editorType": "sql",
        "queryType": query,
        "format": 1 if query == "table" else 0,
        "pluginVersion": PLUGIN_VERSION,
        "rawSql": sql,
    }


def _mappings(words: Mapping[str, Word]) -> list[Json]:
    if not words:
        return []
    options = {
        value: {"text": word.text, "color": word.colour, "index": index}
        for index, (value, word) in enumerate(words.items())
    }
    return [{"type": "value", "options": options}]


def _range_mapping(above: tuple[float, Word] | None) -> list[Json]:
    if above is None:
        return []
    start, word = above
    result = {"text": word.text, "color": word.colour, "index": 0}
    return [{"type": "range", "options": {"from": start, "to": None, "result": result}}]


def _thresholds(steps: tuple[tuple[float, str], ...]) -> Json:
    first: Json = {"value": None, "color": QUIET}
    return {"mode": "absolute", "steps": [first, *({"value": value, "color": colour} for value, colour in steps)]}
