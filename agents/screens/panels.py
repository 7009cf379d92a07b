"""What all panels share: data sources, words and colours of values, and Grafana's classic panel model.

A panel holds what it asks and how its answer reads; where it stands is the dashboard's business.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from agents.screens.palette import PLAIN, QUIET

Json = dict[str, Any]

NO_DATA = "no data"
"""What a panel says that has nothing to show, unless it knows better why."""

PLUGIN = "grafana-clickhouse-datasource"
PLUGIN_VERSION = "4.20.0"
SOURCE: Json = {"type": PLUGIN, "uid": "xpulse-clickhouse"}
"""The data source of `grafana/provisioning/datasources/`: a reader of the published views."""
METRICS: Json = {"type": "prometheus", "uid": "xpulse-prometheus"}
"""The metrics of the processes, in the same folder."""


class Panel(Protocol):
    """What a dashboard needs of a panel."""

    @property
    def title(self) -> str: ...

    @property
    def description(self) -> str:
        """What it says and how to read it; people see it at the panel's corner."""

    def to_json(self) -> Json:
        """Return the panel without id and place."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """How one value is shown: its text and its colour."""

    text: str
    colour: str


def drawn(
    panel: Panel,
    *,
    kind: str,
    targets: Sequence[Json],
    defaults: Json,
    options: Json,
    overrides: Sequence[Json] = (),
) -> Json:
    """Return the panel model; all its targets ask one data source."""
    return {
        "type": kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": targets[0]["datasource"],
        "targets": list(targets),
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
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


def override(name: str, wanted: Mapping[str, object]) -> Json:
    """Return what is different in the column of that name; None is left out."""
    properties = [{"id": key, "value": value} for key, value in wanted.items() if value is not None]
    return {"matcher": {"id": "byName", "options": name}, "properties": properties}


def mappings(words: Mapping[str, Word]) -> list[Json]:
    """Return Grafana's mapping of values to words."""
    if not words:
        return []
    options = {
        value: {"text": word.text, "color": word.colour, "index": index}
        for index, (value, word) in enumerate(words.items())
    }
    return [{"type": "value", "options": options}]


def range_mapping(above: tuple[float, Word] | None) -> list[Json]:
    """Return the mapping of all values from one on to a word."""
    if above is None:
        return []
    start, word = above
    result = {"text": word.text, "color": word.colour, "index": 0}
    return [{"type": "range", "options": {"from": start, "to": None, "result": result}}]


def null_mapping(words: str) -> Json:
    """Return the mapping of nothing to words in grey."""
    result = {"text": words, "color": QUIET, "index": 0}
    return {"type": "special", "options": {"match": "null", "result": result}}


def thresholds(steps: Sequence[tuple[float, str]]) -> Json:
    """Return colours by value: (from, colour), ascending; grey below the first, and plain if there is none."""
    first: Json = {"value": None, "color": QUIET if steps else PLAIN}
    return {"mode": "absolute", "steps": [first, *({"value": value, "color": colour} for value, colour in steps)]}
