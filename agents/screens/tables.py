"""A panel of rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agents.screens.panels import NO_DATA, Json, Word, drawn, mappings, override, target

_DASHES: Json = {
    "matcher": {"id": "byRegexp", "options": "/.*/"},
    "properties": [{"id": "noValue", "value": "–"}],
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """How one column of the answer is shown.

    Attributes:
        name: The column's name in SQL; also its heading.
        unit: A Grafana unit id, e.g. "dateTimeFromNow"; empty = plain.
        decimals: Digits after the point; None = as it comes.
        width: Pixels; 0 = as wide as there is room.
        words: Value -> word; the cell takes the word's colour.
        link: Where a click leads, (title, address); empty = nowhere.
    """

    name: str
    unit: str = ""
    decimals: int | None = None
    width: int = 0
    words: Mapping[str, Word] = field(default_factory=dict)
    link: tuple[str, str] = ("", "")

    def to_json(self) -> Json:
        """Return the field override."""
        title, url = self.link
        wanted = {
            "unit": self.unit or None,
            "decimals": self.decimals,
            "custom.width": self.width or None,
            "mappings": mappings(self.words) or None,
            "custom.cellOptions": {"type": "color-text"} if self.words else None,
            "links": [{"title": title, "url": url, "targetBlank": False}] if url else None,
        }
        return override(self.name, wanted)


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows as they come; the query decides their order.

    Attributes:
        missing: What it says without any row; an empty cell has a dash.
    """

    title: str
    description: str
    sql: str
    columns: tuple[Column, ...]
    missing: str = NO_DATA

    def to_json(self) -> Json:
        """Return the panel without id and place."""
        custom = {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "filterable": False}
        return drawn(
            self,
            kind="table",
            targets=[target(self.sql, "table")],
            defaults={"custom": custom, "noValue": self.missing},
            overrides=[_DASHES, *(column.to_json() for column in self.columns)],
            options={"frameIndex": 0, "showHeader": True, "cellHeight": "md"},
        )
