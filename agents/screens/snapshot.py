"""A dashboard with its answers in it, for people who may not ask the data source: Grafana keeps it as it is.

Only what the published views say gets into it. Panels of other data sources stay empty.

References:
    Grafana, "Snapshot API"; the frames are those that its own "Share snapshot" puts into a panel.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from agents.screens.check import Answer, Ask, default_view
from agents.screens.check.queries import bare
from agents.screens.check.walk import is_sql
from agents.screens.grafana import Server
from agents.screens.macros import ALL, View, expand
from agents.screens.panels import Json

INSIDE: Final[Json] = {"type": "grafana", "uid": "grafana"}
"""Grafana's own data source, which answers with what a query carries."""
MOST_ROWS: Final = 5_000


def snapshot(server: Server, model: Mapping[str, Any], ask: Ask, *, now_s: int, expires_s: int) -> str:
    """Store a snapshot of a dashboard as it opens now, and return its address.

    Raises:
        GrafanaError: No answer, or a refusal.
        XPulseError: A query was refused.
    """
    body = {"dashboard": frozen(model, ask, now_s=now_s), "name": str(model["title"]), "expires": expires_s}
    return str(server.send("POST", "/api/snapshots", body).get("url", ""))


def frozen(model: Mapping[str, Any], ask: Ask, *, now_s: int) -> Json:
    """Return the dashboard with answers instead of queries."""
    view = default_view(model, ask, now_s=now_s)
    start, end = (datetime.fromtimestamp(at_s, UTC).isoformat() for at_s in (view.start_s, view.end_s))
    return {
        **model,
        "time": {"from": start, "to": end},
        "refresh": "",
        "links": [],
        "annotations": {"list": []},
        "templating": {"list": [_chosen(variable, view) for variable in model["templating"]["list"]]},
        "panels": [_panel(panel, ask, view) for panel in model["panels"]],
        "snapshot": {"timestamp": end},
    }


def _chosen(variable: Mapping[str, Any], view: View) -> Json:
    value = view.chosen[variable["name"]]
    text = "All" if ALL in value else ", ".join([value] if isinstance(value, str) else value)
    named = {name: variable[name] for name in ("name", "label")}
    return {**named, "type": "snapshot", "query": "", "options": [], "current": {"text": text, "value": text}}


def _panel(panel: Mapping[str, Any], ask: Ask, view: View) -> Json:
    frames = [frame(ask(expand(one["rawSql"], view))) for one in panel["targets"] if is_sql(one)]
    target = {"refId": "A", "datasource": INSIDE, "queryType": "snapshot", "snapshot": frames}
    return {**panel, "datasource": INSIDE, "targets": [target]}


def frame(answer: Answer) -> Json:
    """Return an answer as Grafana's data frame: fields with types, and values by column.

    Example:
        >>> frame(Answer([("n", "UInt64"), ("at", "DateTime('UTC')")], [[7, "1970-01-01 00:00:01"]]))["data"]
        {'values': [[7], [1000]]}
    """
    fields = [{"name": name, "type": _kind(bare(kind))} for name, kind in answer.columns]
    columns = [
        [_value(row[number], field["type"]) for row in answer.rows[:MOST_ROWS]] for number, field in enumerate(fields)
    ]
    return {"schema": {"refId": "A", "fields": fields}, "data": {"values": columns}}


def _kind(kind: str) -> str:
    if kind.startswith("Date"):
        return "time"
    return "number" if kind.startswith(("Int", "UInt", "Float", "Decimal")) else "string"


def _value(value: Any, kind: str) -> Any:
    if kind == "time" and value is not None:
        return int(datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp() * 1000)
    return str(value) if kind == "string" and value is not None else value
