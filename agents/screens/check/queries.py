"""Every query of a dashboard, run with the selections that a person, or a hostile address, can make."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from agents.screens.check.walk import Model, is_sql, is_wall, notes, panels, variables
from agents.screens.macros import ALL, View, expand
from agents.screens.wall import MOST_NUMBERS
from streams.errors import ConfigError, XPulseError

HOSTILE: Final = "x' OR 1=1 --]"
"""What somebody may write into an address instead of a value: it may find nothing, and must break nothing."""
_SPANS_S: Final = {"h": 3600, "d": 86_400}
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)?")
_TEXT: Final = re.compile(r"'(?:[^'\\]|\\.)*'")
_WRAPPED: Final = re.compile(r"^(?:Nullable|LowCardinality)\((.*)\)$")
_NUMERIC: Final = ("Int", "UInt", "Float", "Decimal", "Bool")
_WORDLESS: Final = frozenset({"none", "string", ""})


@dataclass(frozen=True)
class Answer:
    """What came back: (name, ClickHouse type) of each column, and the rows."""

    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[Any]]


Ask = Callable[[str], Answer]
"""Runs one statement; raises XPulseError if it is refused."""


@dataclass
class Report:
    """What came of running a dashboard's queries.

    Attributes:
        seconds: Owner of a query -> wall time of each run.
        empty: Owners of queries that answered with no row, with the selection.
    """

    faults: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=dict)


def run_queries(model: Model, ask: Ask, *, now_s: int) -> Report:
    """Run all queries of a dashboard with several selections."""
    report = Report()
    try:
        views = dict(_selections(model, ask, now_s=now_s))
    except XPulseError as error:
        return Report(faults=[f"{model.get('uid')}: {error}"])
    for name, view in views.items():
        _run(model, ask, view, name, report)
    return report


def _selections(model: Model, ask: Ask, *, now_s: int) -> Iterator[tuple[str, View]]:
    """Yield (name, view): what Grafana opens with, one value each, several, and a hostile one."""
    view = default_view(model, ask, now_s=now_s)
    yield "default", view
    several = {str(one["name"]) for _, one in variables(model) if one.get("multi")}
    if several:
        chosen = {**view.chosen, **{name: _first(view, name, 1) for name in several}}
        yield "one", replace(view, chosen=chosen)
        chosen = {**view.chosen, **{name: _first(view, name, 2) for name in several}}
        yield "several", replace(view, chosen=chosen)
    yield "hostile", replace(view, chosen=dict.fromkeys(view.chosen, HOSTILE))


def default_view(model: Model, ask: Ask, *, now_s: int) -> View:
    """Return what Grafana opens a dashboard with: its own time range until now, every variable at its default.

    Raises:
        ConfigError: The time range is none, or a variable's query is wrong.
        XPulseError: A variable's query was refused.
    """
    return _resolved(model, ask, _empty(model, now_s))


def _first(view: View, name: str, count: int) -> tuple[str, ...]:
    return view.options[name][:count] or (ALL,)


def _empty(model: Model, now_s: int) -> View:
    found = re.fullmatch(r"now-(\d+)([hd])", str(model.get("time", {}).get("from", "")))
    if found is None:
        raise ConfigError(f"{model.get('uid')}: time range {model.get('time')}; allowed: now-6h and the like")
    span_s = int(found.group(1)) * _SPANS_S[found.group(2)]
    return View(start_s=now_s - span_s, end_s=now_s, interval_s=max(1, span_s // 1000), chosen={})


def _resolved(model: Model, ask: Ask, view: View) -> View:
    """Return the view with every variable at its default; later ones are asked with the earlier ones chosen."""
    for _, variable in variables(model):
        name = str(variable["name"])
        options = _options(variable, ask, view)
        chosen = (ALL,) if variable.get("multi") else (options or ("",))[0]
        view = replace(view, chosen={**view.chosen, name: chosen}, options={**view.options, name: options})
    return view


def _options(variable: Model, ask: Ask, view: View) -> tuple[str, ...]:
    if variable["type"] != "query":
        return tuple(str(one["value"]) for one in variable["options"])
    answer = ask(expand(str(variable["query"]["rawSql"]), view))
    return tuple(str(row[0]) for row in answer.rows)


def _run(model: Model, ask: Ask, view: View, selection: str, report: Report) -> None:
    shown: list[str] = []
    for where, owner, query in _owned(model):
        answer = _asked(f"{where} ({selection})", str(query.get("rawSql", "")), ask, view, report, where)
        if answer is None:
            continue
        report.faults += [f"{where} ({selection}): {fault}" for fault in _columns(owner, query, answer)]
        if not answer.rows and selection != "hostile" and owner.get("type") != "note":
            report.empty.append(f"{where} ({selection})")
        shown += [str(cell) for row in answer.rows for cell in row]
    numbers = sum(len(_NUMBER.findall(text)) for text in shown)
    if is_wall(model) and numbers > MOST_NUMBERS:
        report.faults.append(f"{model.get('uid')} ({selection}): {numbers} numbers, at most {MOST_NUMBERS} on a wall")


def _owned(model: Model) -> Iterator[tuple[str, Model, Model]]:
    for where, panel in panels(model):
        yield from ((where, panel, target) for target in panel.get("targets", ()) if is_sql(target))
    for where, note in notes(model):
        yield where, {**note, "type": "note"}, note.get("target", {})


def _asked(name: str, sql: str, ask: Ask, view: View, report: Report, where: str) -> Answer | None:
    try:
        expanded = expand(sql, view)
        if "$" in _TEXT.sub("", expanded):
            report.faults.append(f"{name}: a $ is left in the query")
        begun_s = time.perf_counter()
        answer = ask(expanded)
    except XPulseError as error:
        report.faults.append(f"{name}: {error}")
        return None
    report.seconds.setdefault(where, []).append(time.perf_counter() - begun_s)
    return answer


def _columns(owner: Model, query: Model, answer: Answer) -> Iterator[str]:
    types = {name: bare(kind) for name, kind in answer.columns}
    if owner["type"] == "note":
        if list(types) != ["time", "title", "text"] or not types["time"].startswith("Date"):
            yield f"an annotation needs time, title and text, not {list(types)}"
        return
    if query.get("queryType") == "timeseries":
        yield from _series(types)
    if owner["type"] == "stat":
        yield from _stat(owner, types, len(answer.rows))
    config = owner.get("fieldConfig", {})
    for override in config.get("overrides", ()):
        yield from _override(override, types)


def _series(types: Mapping[str, str]) -> Iterator[str]:
    if not types.get("time", "").startswith("Date"):
        yield "a time series needs a column time"
    for name, kind in types.items():
        if name != "time" and not kind.startswith(_NUMERIC):
            yield f"column {name} of a time series is {kind}; allowed: numbers"


def _stat(owner: Model, types: Mapping[str, str], rows: int) -> Iterator[str]:
    reduce = owner["options"]["reduceOptions"]
    if not reduce["values"] and (len(types) != 1 or rows > 1):
        yield f"a headline needs one row with one column, not {rows} with {list(types)}"
    if reduce["values"] and (len(types) != 2 or reduce["fields"].strip("/^$") not in types):
        yield f"tiles need a name and {reduce['fields']}, not {list(types)}"
    unit = owner["fieldConfig"]["defaults"].get("unit", "none")
    for name, kind in types.items():
        if unit not in _WORDLESS and not kind.startswith(_NUMERIC):
            yield f"column {name} is {kind}; unit {unit} needs a number"


def _override(override: Model, types: Mapping[str, str]) -> Iterator[str]:
    name = override["matcher"].get("options")
    if override["matcher"]["id"] == "byRegexp":
        for found in (found for found in types if re.search(name.strip("/"), found)):
            yield from _described(found, override["properties"], types)
    elif name in types:
        yield from _described(name, override["properties"], types)
    else:
        yield f"column {name} is described and not in the answer: {list(types)}"


def _described(name: str, properties: Sequence[Model], types: Mapping[str, str]) -> Iterator[str]:
    for wanted in properties:
        is_time = str(wanted["value"]).startswith("dateTime")
        if wanted["id"] == "unit" and not types[name].startswith("Date" if is_time else _NUMERIC):
            yield f"column {name} is {types[name]}; unit {wanted['value']} needs a {'time' if is_time else 'number'}"
        if wanted["id"] == "decimals" and not types[name].startswith(_NUMERIC):
            yield f"column {name} is {types[name]}; decimals need a number"


def bare(kind: str) -> str:
    """Return a ClickHouse type without what wraps it.

    Example:
        >>> bare("LowCardinality(Nullable(String))")
        'String'
    """
    while found := _WRAPPED.match(kind):
        kind = found.group(1)
    return kind
