"""The dashboards as files: which there are, in which order they are shown, and what each asks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from streams.errors import ConfigError

PLUGIN = "grafana-clickhouse-datasource"
FOLDER = Path(__file__).resolve().parents[3] / "grafana" / "dashboards"
"""Where the generated dashboards lie; the files are read, not what makes them."""

WALL = "wall"
"""Tag of the screens that hang on a wall: they come first, fill the window, and are what a playlist plays."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """One question of a dashboard.

    Attributes:
        key: Where the answer goes: "panel/ID/REF" or "annotation/NAME".
        sql: With Grafana's macros and variables still in it; empty = of a data source that the preview does not ask.
    """

    key: str
    sql: str


@dataclass(frozen=True, kw_only=True)
class Screen:
    """One dashboard.

    Attributes:
        model: Grafana's JSON as it lies in the file.
    """

    uid: str
    title: str
    tags: tuple[str, ...]
    model: Mapping[str, Any]

    @property
    def since(self) -> str:
        """Start of its own time range, such as "now-6h"."""
        return str(self.model.get("time", {}).get("from", "now-6h"))

    def variables(self) -> list[Mapping[str, Any]]:
        """Return its variables in order: a later one may use what was chosen for an earlier one."""
        return list(self.model.get("templating", {}).get("list", []))

    def queries(self) -> Iterator[Query]:
        """Yield every query of its panels and annotations."""
        for panel in self.model.get("panels", []):
            for target in panel.get("targets", []):
                yield Query(key=f"panel/{panel['id']}/{target.get('refId', 'A')}", sql=_sql(target))
        for note in self.model.get("annotations", {}).get("list", []):
            if note.get("enable", True) and _sql(note.get("target", {})):
                yield Query(key=f"annotation/{note.get('name', '')}", sql=_sql(note["target"]))


def variable_sql(variable: Mapping[str, Any]) -> str:
    """Return the question that fills a variable; empty if ClickHouse is not asked."""
    query = variable.get("query")
    return _sql(query) if variable.get("type") == "query" and isinstance(query, Mapping) else ""


def _sql(target: Mapping[str, Any]) -> str:
    is_ours = target.get("datasource", {}).get("type", PLUGIN) == PLUGIN
    return str(target.get("rawSql", "")) if is_ours else ""


def read_shelf(folder: Path) -> dict[str, Screen]:
    """Return the dashboards of a folder by uid: those for the wall first, then by the files' names.

    Raises:
        ConfigError: No dashboard there, or a file is not one.
    """
    screens = [_read(path) for path in sorted(folder.glob("*.json"))]
    if not screens:
        raise ConfigError(f"{folder}: no dashboard (*.json) in it; `make screens` writes them")
    return {screen.uid: screen for screen in sorted(screens, key=lambda screen: WALL not in screen.tags)}


def _read(path: Path) -> Screen:
    try:
        model = orjson.loads(path.read_bytes())
        return Screen(uid=model["uid"], title=model["title"], tags=tuple(model.get("tags", ())), model=model)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a dashboard of Grafana ({type(error).__name__}: {error})") from error
