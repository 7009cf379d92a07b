"""A panel of one large number or word, or of one for each row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from agents.screens.panels import NO_DATA, Json, Word, drawn, mappings, null_mapping, range_mapping, target, thresholds


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a stat is drawn.

    Attributes:
        value_px: Height of the value's letters; 0 = as large as there is room.
        title_px: Height of the name's letters.
        orientation: Whether tiles stand side by side ("vertical") or below one another.
        align: Where the text stands.
    """

    value_px: int = 0
    title_px: int = 0
    orientation: Literal["auto", "horizontal", "vertical"] = "auto"
    align: Literal["auto", "center"] = "center"

    def options(self, *, fields: str, is_per_row: bool, text: Literal["value", "value_and_name"]) -> Json:
        """Return the panel's options."""
        sizes = {"valueSize": self.value_px, "titleSize": self.title_px}
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": fields, "values": is_per_row},
            "orientation": self.orientation,
            "textMode": text,
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": self.align,
            "wideLayout": False,
            "showPercentChange": False,
            "percentChangeColorMode": "standard",
            "text": {name: px for name, px in sizes.items() if px},
        }


@dataclass(frozen=True, kw_only=True)
class Stat:
    """One number or word, large. The query returns one row with one column.

    Attributes:
        steps: (from value, colour), ascending; below the first the panel is grey.
        words: Value -> word shown instead of it.
        above: (from value, word): shown from this value on, e.g. a stale age.
        missing: What it says instead of nothing.
    """

    title: str
    description: str
    sql: str
    unit: str = "none"
    decimals: int | None = 0
    steps: tuple[tuple[float, str], ...] = ()
    words: Mapping[str, Word] = field(default_factory=dict)
    above: tuple[float, Word] | None = None
    missing: str = NO_DATA
    look: Look = Look()

    def to_json(self) -> Json:
        """Return the panel without id and place."""
        options = self.look.options(fields="/.*/", is_per_row=False, text="value")
        return drawn(
            self,
            kind="stat",
            targets=[target(self.sql, "table")],
            defaults=figure(
                self.unit,
                self.decimals,
                self.steps,
                (*mappings(self.words), *range_mapping(self.above)),
                missing=self.missing,
            ),
            options=options,
        )


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """One tile for each row: the query returns a name and what is said of it, a word or a number.

    Attributes:
        value: Name of the column that is shown large; the other one, a text, names the tile.
        missing: What it says without any row.
    """

    title: str
    description: str
    sql: str
    value: str
    unit: str = "none"
    decimals: int | None = 0
    steps: tuple[tuple[float, str], ...] = ()
    patterns: tuple[tuple[str, Word], ...] = ()
    missing: str = NO_DATA
    look: Look = Look()

    def to_json(self) -> Json:
        """Return the panel without id and place."""
        options = self.look.options(fields=f"/^{self.value}$/", is_per_row=True, text="value_and_name")
        return drawn(
            self,
            kind="stat",
            targets=[target(self.sql, "table")],
            defaults=figure(
                self.unit, self.decimals, self.steps, tuple(map(_coloured, self.patterns)), missing=self.missing
            ),
            options=options,
        )


def figure(
    unit: str,
    decimals: int | None,
    steps: tuple[tuple[float, str], ...],
    shown_as: tuple[Json, ...],
    *,
    missing: str = NO_DATA,
) -> Json:
    """Return the defaults of a panel of figures."""
    defaults: Json = {
        "unit": unit,
        "mappings": [*shown_as, null_mapping(missing)],
        "color": {"mode": "thresholds"},
        "thresholds": thresholds(steps),
        "noValue": missing,
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    return defaults


def _coloured(pattern: tuple[str, Word]) -> Json:
    """Return the mapping of what matches a pattern; without a text of its own the value stays."""
    matched, word = pattern
    result: Json = {"color": word.colour, "index": 0, **({"text": word.text} if word.text else {})}
    return {"type": "regex", "options": {"pattern": matched, "result": result}}
