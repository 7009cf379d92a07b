"""`xpulse targets show | history`: what is in force with its newest verdict, and how it came to be."""

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from agents.cli.targets.options import WIDE, AsJson, Data, Name, OnlyTenant
from agents.cli.targets.reach import running_settings
from agents.processes import warehouse
from agents.settings import Settings
from agents.target_ledger import TargetLedger
from agents.warehouse.migrate import public_of
from streams.errors import ConfigError
from streams.events.judging import Target
from streams.targets import changes, version_at
from streams.targets.indicators import INDICATORS

SHOWN = "Examples: xpulse targets show --tenant acme; xpulse targets show happiness-by-country/country=NO"
TOLD = "Example: xpulse targets history happiness-by-country/country=NO --tenant acme"

_STATUS = """
SELECT tenant, target, version, objective, verdict, score, lower, upper, n, rolling_score, trend, drifting,
       toUnixTimestamp64Milli(at)
FROM {public}.target_status
WHERE {{tenant:String}} IN ('', tenant) AND {{target:String}} IN ('', target) ORDER BY tenant, target
"""
_COLUMNS = ("tenant", "target", "version", "objective", "verdict", "score", "n", "now", "trend", "drift", "as of")
_FACTS = ("tenant", "target", "version", "purpose", "owner", "slice", "period", "min_respondents", "run_length", "burn")
_CALLS = ("severity", "hours", "routes", "runbook", "review", "author", "reason")


def show(
    target: Annotated[str, typer.Argument(help="Id of a target; none = a table of all.")] = "",
    tenant: OnlyTenant = "",
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Show targets in force with their newest verdict.

    Without a target it is a table of all that were judged; with one, all that the version in force promises.
    A verdict belongs to the calendar period; `now` is the rolling window, for display.
    """
    settings = running_settings(data)
    rows = _status(settings, tenant, target)
    if target:
        _show_one(_in_force(settings, tenant, target), rows, as_json=as_json)
    elif as_json:
        print(json.dumps([_verdict(row) for row in rows], indent=2))
    else:
        table = Table(*_COLUMNS)
        for row in rows:
            table.add_row(*_cells(row))
        print_table(table)


def history(target: Name, tenant: OnlyTenant = "", as_json: AsJson = False, data: Data = None) -> None:
    """Show all versions of a target, oldest first.

    Each says from when it holds and when it was written down (two times: what was judged keeps the version that was
    valid), who wrote it, why, and what it changed.
    """
    versions = _versions(running_settings(data), tenant, target)
    told = [_version(before, version) for before, version in _pairs(versions)]
    if as_json:
        print(json.dumps(told, indent=2))
        return
    table = Table("tenant", "version", "state", "valid from", "recorded at", "author", "reason", "changed")
    for row in told:
        table.add_row(*(str(row[key]) for key in ("tenant", "version", "state", "valid_from", "recorded_at")),
                      str(row["author"]), str(row["reason"]), _changed(row["changed"]))  # fmt: skip
    print_table(table)


def _versions(settings: Settings, tenant: str, target: str) -> list[Target]:
    found = TargetLedger(warehouse(settings)).versions(target, tenant)
    if not found:
        whose = f" of {tenant}" if tenant else ""
        raise ConfigError(f"no target {target!r}{whose}; allowed: those that `xpulse targets show` lists")
    return found


def _in_force(settings: Settings, tenant: str, target: str) -> list[Target]:
    """Return the versions that hold now, one per tenant that has the target."""
    now_ms, found = int(time.time() * 1000), _versions(settings, tenant, target)
    of_tenants = (list(versions) for _, versions in groupby(found, key=lambda version: version.tenant))
    return [version for versions in of_tenants if (version := version_at(versions, now_ms + 1)) is not None]


def _show_one(versions: Sequence[Target], rows: Sequence[Sequence[Any]], *, as_json: bool) -> None:
    newest = {row[0]: row for row in rows}
    if as_json:
        told = [
            {
                **msgspec.to_builtins(version),
                "verdict": _verdict(newest[version.tenant]) if version.tenant in newest else None,
            }
            for version in versions
        ]
        print(json.dumps(told, indent=2))
        return
    for version in versions:
        table = Table(show_header=False, box=None)
        for name, value in (*_facts(version), *_seen(newest.get(version.tenant))):
            table.add_row(name, value)
        print_table(table)


def _facts(version: Target) -> list[tuple[str, str]]:
    promised = f"{INDICATORS[version.indicator].title} {INDICATORS[version.indicator].promise(version.objective)}"
    told = [(name.replace("_", " "), _plain(getattr(version, name))) for name in (*_FACTS, *_CALLS)]
    times = [("valid from", _instant(version.valid_from_ms)), ("recorded at", _instant(version.recorded_at_ms))]
    return [("promise", promised), ("state", version.state), *told, *times]


def _seen(row: Sequence[Any] | None) -> list[tuple[str, str]]:
    if row is None:
        return [("verdict", "not judged yet")]
    return [(name, value) for name, value in zip(_COLUMNS[4:], _cells(row)[4:], strict=True) if value]


def _status(settings: Settings, tenant: str, target: str) -> list[tuple[Any, ...]]:
    sql = _STATUS.format(public=f"`{public_of(settings.clickhouse_database)}`")
    return warehouse(settings).ask(sql, {"tenant": tenant, "target": target})


def _verdict(row: Sequence[Any]) -> dict[str, Any]:
    names = ("tenant", "target", "version", "objective", "verdict", "score", "lower", "upper", "n", "rolling_score",
             "trend", "drifting", "at")  # fmt: skip
    return {**dict(zip(names, row, strict=True)), "at": _instant(row[-1])}


def _pairs(versions: Sequence[Target]) -> list[tuple[Target | None, Target]]:
    pairs: list[tuple[Target | None, Target]] = []
    for version in versions:
        last = pairs[-1][1] if pairs and pairs[-1][1].tenant == version.tenant else None
        pairs.append((last, version))
    return pairs


def _version(before: Target | None, version: Target) -> dict[str, Any]:
    found = {} if before is None else changes(before, version)
    return {
        "tenant": version.tenant,
        "version": version.version,
        "state": version.state,
        "valid_from": _instant(version.valid_from_ms),
        "recorded_at": _instant(version.recorded_at_ms),
        "author": version.author,
        "reason": version.reason,
        "changed": {key: {"old": old, "new": new} for key, (old, new) in found.items()},
    }


def _changed(changed: dict[str, dict[str, Any]]) -> str:
    return ", ".join(f"{key} {_plain(pair['old'])} -> {_plain(pair['new'])}" for key, pair in changed.items())


def _plain(value: object) -> str:
    """Return a value of a version in words."""
    if isinstance(value, dict):
        return ", ".join(f"{key}={one}" for key, one in value.items()) or "everything"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,g}" if isinstance(value, float) else str(value) or "none"


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def _cells(row: Sequence[Any]) -> list[str]:
    tenant, target, version, objective, verdict, score, lower, upper, n, now, trend, drifting, at_ms = row
    figure = "–" if score is None else f"{score:.1f} ({lower:.1f} to {upper:.1f})"
    rolling = "–" if now is None else f"{now:.1f}"
    drift = "yes" if drifting else ""
    return [
        tenant, target, str(version), f"{objective:g}", verdict, figure, str(n), rolling, trend, drift, _instant(at_ms),
    ]  # fmt: skip


def print_table(table: Table) -> None:
    """Print a table: as wide as the terminal, or wide enough for a file."""
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)
