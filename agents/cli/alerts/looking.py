"""`xpulse alerts list | show`: what fires, and everything about one of them."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from agents.cli.alerts.desk import Ack, Desk, clock
from agents.cli.alerts.options import WIDE, AlertId, AsJson, Data, OnlyTenant
from agents.cli.targets import running_settings

LISTED = "Examples: xpulse alerts list; xpulse alerts list --all --tenant acme"
SHOWN = "Example: xpulse alerts show 3f9a12"

_COLUMNS = ("id", "tenant", "target", "kind", "severity", "state", "since", "now", "goal", "n", "calls", "taken by")
_FACTS = (
    "alert_id", "tenant", "target", "version", "kind", "detector", "state", "severity", "reason", "started_at", "at",
    "slice", "score", "lower", "upper", "n", "objective", "usual", "usual_n", "change", "mix_share", "coverage",
    "calls", "inhibited_by", "runbook", "link", "dedup_key",
)  # fmt: skip


def list_alerts(
    tenant: OnlyTenant = "",
    with_ended: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """List the alerts that fire, the newest first.

    `calls` says whether an alert may call somebody: `inhibited` ones are explained by another alert, `replayed` ones
    come from old data.
    """
    desk = Desk(running_settings(data))
    found = desk.alerts(tenant=tenant, with_ended=with_ended)
    acks = desk.acks([one["alert_id"] for one in found])
    if as_json:
        print(json.dumps([{**one, "acks": _told(acks.get(one["alert_id"], []))} for one in found], indent=2))
        return
    table = Table(*_COLUMNS)
    for one in found:
        table.add_row(*_cells(one, acks.get(one["alert_id"], [])))
    _print(table)
    print(f"{len(found)} alert{'' if len(found) == 1 else 's'}")


def show(alert: AlertId, as_json: AsJson = False, data: Data = None) -> None:
    """Show everything about one alert.

    Its figures, what contributes, what happened around it (coincidences, no causes), its states, who has taken it on,
    and every attempt to deliver it.
    """
    desk = Desk(running_settings(data))
    one = desk.alert(alert)
    acks = _told(desk.acks([one["alert_id"]]).get(one["alert_id"], []))
    states, attempts = desk.states(one), desk.attempts(one)
    if as_json:
        print(json.dumps({**one, "acks": acks, "states": states, "deliveries": attempts}, indent=2))
        return
    print(f"{one['summary']}\n")
    for name in _FACTS:
        if one[name] not in (None, "", {}):
            print(f"{name:<13} {_plain(one[name])}")
    why = {"what contributes": one["contributions"], "what happened around": one["coincidences"]}
    for title, rows in {**why, "states": states, "acknowledged": acks, "deliveries": attempts}.items():
        _section(title, rows)


def _section(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    print(f"\n{title}:" if rows else f"\n{title}: none")
    if rows:
        columns = list(dict.fromkeys(name for row in rows for name in row))
        table = Table(*columns)
        for row in rows:
            table.add_row(*(_plain(row.get(name, "")) for name in columns))
        _print(table)


def _told(acks: Sequence[Ack]) -> list[dict[str, str]]:
    return [{"at": clock(ack.at_ms), "by": ack.by, "reason": ack.reason} for ack in acks]


def _cells(one: Mapping[str, Any], acks: Sequence[Ack]) -> list[str]:
    now = "–" if one["score"] is None else f"{one['score']:.1f}"
    texts = (one["alert_id"], one["tenant"], one["target"], one["kind"], one["severity"], one["state"])
    rest = (one["started_at"], now, f"{one['objective']:g}", str(one["n"]), one["calls"], acks[-1].by if acks else "")
    return [_plain(text) for text in (*texts, *rest)]


def _plain(value: object) -> str:
    """Return a value on one line, without characters that a terminal would obey."""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _print(table: Table) -> None:
    Console(width=None if sys.stdout.isatty() else WIDE, markup=False, highlight=False).print(table)
