"""What a dashboard's JSON must hold before any of its queries is asked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from agents.screens.check.schema import allowed, unlike
from agents.screens.check.walk import Model, everything, is_sql, is_wall, notes, panels, queries, variables
from agents.screens.palette import PLAIN, QUIET, STATES
from agents.screens.panels import METRICS, SOURCE
from agents.screens.wall import LEAST_PX

SHORTEST_DESCRIPTION: Final = 20
LEAST_REFRESH_S: Final = 5
_TABLE: Final = re.compile(r"\b(?:FROM|(?<!ARRAY )JOIN)\s+([A-Za-z_][\w.]*)")
_METRIC: Final = re.compile(r"\bxpulse_\w+")
_PART: Final = re.compile(r"_(?:bucket|sum|count)$")
_BUCKET: Final = re.compile(r"toStartOf\w+|\$__timeInterval|\b\w+_by_day\b|\btelemetry_1d\b|\btoday\(")
_DASHBOARD: Final = re.compile(r"/d/([\w-]+)")
_COLOURS: Final = frozenset({*STATES.values(), PLAIN})


@dataclass(frozen=True, kw_only=True)
class Known:
    """What there is besides the dashboard.

    Attributes:
        tables: Names of the published views, with their database.
        metrics: Names of the metrics of all processes.
        screens: Uids of all dashboards.
    """

    tables: frozenset[str]
    metrics: frozenset[str]
    screens: frozenset[str]


def shape_faults(model: Model, known: Known) -> Iterator[str]:
    """Yield what is wrong with a dashboard's JSON, each with where it is."""
    yield from _types(model)
    yield from _texts(model, known)
    yield from _ids(model)
    yield from _colours(model)
    yield from _sources(model, known)
    yield from _headlines(model)
    yield from _age(model)
    if is_wall(model):
        yield from _wall(model)


def _types(model: Model) -> Iterator[str]:
    schemas = allowed()["schemas"]
    yield from unlike(model, schemas["dashboard"], str(model.get("uid")))
    for where, note in notes(model):
        # A plugin's own query model is its own business; Grafana's types leave it open.
        yield from unlike({**note, "target": {"refId": "A"}}, schemas["annotation"], where)
    for where, variable in variables(model):
        yield from unlike(variable, schemas["variable"], where)
    for number, link in enumerate(model.get("links", ())):
        yield from unlike(link, schemas["link"], f"{model.get('uid')}: link {number}")
    for where, panel in panels(model):
        yield from unlike(panel, schemas["panel"], where)
        yield from _panel_types(where, panel, schemas)


def _panel_types(where: str, panel: Model, schemas: Model) -> Iterator[str]:
    kind = str(panel.get("type"))
    if kind not in schemas or "options" not in schemas[kind].get("properties", {}):
        yield f"{where}: type is {kind!r}; allowed: stat, table, timeseries, bargauge"
        return
    own = schemas[kind]["properties"]
    config = panel.get("fieldConfig", {})
    yield from unlike(panel.get("options", {}), own["options"], f"{where}: options")
    yield from unlike(config.get("defaults", {}).get("custom", {}), _loose(own["custom"]), f"{where}: custom")
    for override in config.get("overrides", ()):
        for wanted in override.get("properties", ()):
            yield from _property(
                f"{where}: {override['matcher'].get('options')}", wanted, own["custom"], schemas["field"]
            )


def _loose(schema: Model) -> Model:
    """Return the schema of fields' own options: what is left out has Grafana's default."""
    return {**schema, "required": []}


def _property(where: str, wanted: Model, custom: Model, field: Model) -> Iterator[str]:
    name = str(wanted.get("id"))
    part = name.removeprefix("custom.")
    known = custom.get("properties", {}) if name.startswith("custom.") else field["properties"]
    if part not in known:
        yield f"{where}.{name} is unknown; allowed: {', '.join(sorted(known))}"
    else:
        yield from unlike(wanted.get("value"), known[part], f"{where}.{name}")


def _texts(model: Model, known: Known) -> Iterator[str]:
    uid = model.get("uid")
    if not model.get("title") or len(model.get("description", "")) < SHORTEST_DESCRIPTION:
        yield f"{uid}: title or description is missing"
    if not model.get("links"):
        yield f"{uid}: leads nowhere; links are missing"
    for part in everything(model):
        for found in _DASHBOARD.findall(str(part.get("url", ""))):
            if found not in known.screens:
                yield f"{uid}: link to {found}, which is no dashboard; allowed: {', '.join(sorted(known.screens))}"
    titles = [panel.get("title") for _, panel in panels(model) if panel.get("title")]
    if len(set(titles)) < len(titles):
        yield f"{uid}: two panels have the same title"
    for where, panel in panels(model):
        if not panel.get("title") and not is_wall(model):
            yield f"{where}: title is missing"
        if len(panel.get("description", "")) < SHORTEST_DESCRIPTION:
            yield f"{where}: description is missing or too short"


def _ids(model: Model) -> Iterator[str]:
    lists = allowed()
    for where, panel in panels(model):
        if "unit" not in panel.get("fieldConfig", {}).get("defaults", {}) and panel.get("type") != "table":
            yield f"{where}: unit is missing; none says that there is none"
        for part in everything(panel):
            unit = part.get("value") if part.get("id") == "unit" else part.get("unit")
            if unit is not None and unit not in lists["units"]:
                yield f"{where}: unit {unit!r} is unknown to Grafana"
            for reducer in [
                *part.get("calcs", ()),
                *([part["reducer"]] if isinstance(part.get("reducer"), str) else []),
            ]:
                if reducer not in lists["reducers"]:
                    yield f"{where}: reducer {reducer!r} is unknown to Grafana"
        for step in panel.get("transformations", ()):
            if step.get("id") not in lists["transformations"]:
                yield f"{where}: transformation {step.get('id')!r} is unknown to Grafana"


def _colours(model: Model) -> Iterator[str]:
    uid = model.get("uid")
    for part in everything(model):
        for name in ("color", "fixedColor", "iconColor"):
            colour = part.get(name)
            if isinstance(colour, str) and colour not in _COLOURS:
                yield f"{uid}: colour {colour} is not of the palette"
        if part.get("type") == "value" and isinstance(part.get("options"), dict):
            yield from _words(uid, part["options"])


def _words(uid: object, options: Model) -> Iterator[str]:
    words = [str(word.get("text", "")) for word in options.values() if isinstance(word, dict)]
    if len(set(words)) < len(words) or len({word[:1] for word in words}) < len(words):
        yield f"{uid}: states {words} do not differ by word and by sign"
    for value in ("too_few", "no_data"):
        if value in options and options[value].get("color") != QUIET:
            yield f"{uid}: {value} is not grey"


def _sources(model: Model, known: Known) -> Iterator[str]:
    for where, query in queries(model):
        if query.get("datasource") not in (SOURCE, METRICS):
            yield f"{where}: data source {query.get('datasource')} is not provisioned"
        elif is_sql(query):
            yield from _tables(where, query, known)
        else:
            named = {_PART.sub("", name) for name in _METRIC.findall(str(query.get("expr", "")))}
            for name in sorted(named - known.metrics):
                yield f"{where}: metric {name} does not exist"


def _tables(where: str, query: Model, known: Known) -> Iterator[str]:
    if (query.get("queryType"), query.get("format")) not in {("table", 1), ("timeseries", 0)}:
        yield f"{where}: queryType {query.get('queryType')!r} does not go with format {query.get('format')!r}"
    sql = str(query.get("rawSql", ""))
    for table in sorted(set(_TABLE.findall(sql)) - known.tables):
        yield f"{where}: {table} is not published"
    if query.get("queryType") == "timeseries" and not re.search(r"ORDER BY time\s*$", sql):
        yield f"{where}: a time series must be ordered by time"


def _headlines(model: Model) -> Iterator[str]:
    for where, panel in panels(model):
        if panel.get("type") not in {"stat", "bargauge"}:
            continue
        for target in panel.get("targets", ()):
            found = _BUCKET.search(str(target.get("rawSql", "")))
            if found or target.get("queryType") == "timeseries":
                what = found.group() if found else "time series"
                yield f"{where}: a headline from a bucket that is still filling ({what}); ask for a rolling window"


def _age(model: Model) -> Iterator[str]:
    aged = [panel for _, panel in panels(model) if "age_s" in str(panel.get("targets"))]
    if not aged:
        yield f"{model.get('uid')}: says nowhere how old its data is"
    elif not any("STALE" in str(panel) for panel in aged):
        yield f"{model.get('uid')}: the age of its data does not turn to STALE"


def _wall(model: Model) -> Iterator[str]:
    for where, panel in panels(model):
        sizes: dict[str, Any] = panel.get("options", {}).get("text", {})
        if panel.get("type") != "stat" or panel.get("title"):
            yield f"{where}: a wall shows stats without title bars only"
        elif min(sizes.get("valueSize", 0), sizes.get("titleSize", 0)) < LEAST_PX:
            yield f"{where}: text under {LEAST_PX} px: {sizes}"
    refresh = re.fullmatch(r"(\d+)s", str(model.get("refresh", "")))
    if refresh is None or not LEAST_REFRESH_S <= int(refresh.group(1)) <= 10:
        yield f"{model.get('uid')}: refresh is {model.get('refresh')!r}; a wall asks again every 5 to 10 seconds"
