"""`xpulse simulate`: a month of a made-up organisation in a warehouse, for analysts to play with."""

from __future__ import annotations

import math
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import orjson
import typer

from agents.gateway.identity import read_key
from agents.installation import ADDRESSES
from agents.local.paths import DataFolder
from agents.local.supervisor import Supervisor
from agents.logs import configure_logging
from agents.processes import warehouse
from agents.settings import Settings, read_settings
from agents.simulation.check import EXAMPLES
from agents.simulation.run import Destination, Done, simulate
from agents.stack import CLICKHOUSE, HOST, Stack, pick_ports
from streams.errors import ConfigError
from streams.plan.truth import instant
from streams.profile import STANDARD
from streams.simulate.month import Month, Story, stories
from streams.simulate.organisation import DESIGN, Size

SIZES: dict[str, Size] = {
    "design": DESIGN,
    "small": Size(
        countries=3, sites=6, business_units=4, services=4, applications=6, people=2_000, devices=900,
        shared_devices=30, skew=0.4,
    ),
}  # fmt: skip
"""Organisations to choose from."""
_TENANT = re.compile(r"[\w.-]{1,80}", re.ASCII)


def command(  # noqa: PLR0913, PLR0917 - as many options as a month has
    into: Annotated[str, typer.Option(help="Data folder of `xpulse up`, or http://host:port of a ClickHouse.")],
    days: Annotated[int, typer.Option(help="Length in days (UTC); the last one may be under way.")] = 30,
    answers_per_day: Annotated[int, typer.Option(help="Answers of people a day.")] = 2_000,
    keys: Annotated[int, typer.Option(help="Telemetry keys that are active in every minute.")] = 5_000,
    size: Annotated[str, typer.Option(help="Organisation: design (50,000 people) or small (2,000).")] = "design",
    seed: Annotated[int, typer.Option(help="The same seed simulates the same month.")] = 1,
    end: Annotated[str, typer.Option(help="End, e.g. 2026-03-01 or 2026-03-01T08:00, UTC; none = now.")] = "",
    tenant: Annotated[str, typer.Option(help="Name of the organisation; none = month-<end>.")] = "",
    truth: Annotated[Path | None, typer.Option(help="Write what was planted, as JSON.")] = None,
) -> None:
    """Fill a tenant of its own with a simulated month, and compare what the public views say with what was simulated.

    At the design size: 50,000 people in 12 countries, 25 services, 40 applications. People answer and open tickets
    event by event, through the release and the judge; telemetry is drawn in windows and merged exactly. A few stories
    are planted. Status 0: every figure is exact. 1: some are not.
    """
    if size not in SIZES:
        raise ConfigError(f"--size is {size!r}; allowed: {', '.join(SIZES)}")
    configure_logging(level="ERROR")
    end_s = _end_s(end)
    name = tenant or f"month-{datetime.fromtimestamp(end_s, UTC):%Y-%m-%d}"
    if not _TENANT.fullmatch(name):
        raise ConfigError(f"--tenant is {name!r}; allowed: letters, digits, dot, dash and underscore, at most 80")
    month = Month(
        tenant=name, seed=seed, end_s=end_s, days=days, answers_per_day=answers_per_day, keys=keys, size=SIZES[size]
    )
    begun_s = time.monotonic()
    with _destination(into) as (destination, settings):
        print(f"simulating {days} days of {name} …", flush=True)
        done = simulate(month, destination, settings, lambda line: print(line, file=sys.stderr, flush=True))
    if truth is not None:
        truth.write_bytes(orjson.dumps(truth_of(done), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    _tell(done, time.monotonic() - begun_s, into)
    raise typer.Exit(1 if done.outcome.different else 0)


def _end_s(text: str) -> int:
    """Return a whole minute; of now, the newest one that is closed."""
    if text:
        return instant(text, where="--end") // 60_000 * 60
    return (int(time.time() * 1000) - STANDARD.grace_ms - 1) // 60_000 * 60


@contextmanager
def _destination(into: str) -> Iterator[tuple[Destination, Settings]]:
    if into.startswith(("http://", "https://")):
        with tempfile.TemporaryDirectory(prefix="xpulse-month-") as temporary:
            yield _of_address(into, Path(temporary))
        return
    folder = DataFolder(Path(into))
    folder.prepare()
    running = folder.run / ADDRESSES
    if running.is_file():
        yield _of_stack(folder, int(orjson.loads(running.read_bytes())["clickhouse_port"]))
        return
    stack = Stack(folder, STANDARD, pick_ports())
    parts = [part for part in stack.parts() if part.name == CLICKHOUSE]
    with Supervisor(parts, folder.logs, folder.run):
        yield _of_stack(folder, stack.ports.clickhouse)


def _of_stack(folder: DataFolder, port: int) -> tuple[Destination, Settings]:
    settings = replace(
        read_settings(), clickhouse_host=HOST, clickhouse_port=port, key_file=str(folder.key_file),
        clickhouse_password_file=str(folder.writer_password_file), directory_dir=str(folder.directory),
    )  # fmt: skip
    return _with(settings, folder.directory), settings


def _of_address(into: str, directory: Path) -> tuple[Destination, Settings]:
    found = urlsplit(into)
    if not found.hostname or found.username or found.password or found.path not in ("", "/") or found.query:
        raise ConfigError(
            "--into: allowed: a data folder or http://host:port; user and password are settings "
            "(XPULSE_CLICKHOUSE_USER, XPULSE_CLICKHOUSE_PASSWORD_FILE)"
        )
    settings = replace(read_settings(), clickhouse_host=found.hostname, clickhouse_port=found.port or 8123)
    return _with(settings, Path(settings.directory_dir) if settings.directory_dir else directory), settings


def _with(settings: Settings, directory: Path) -> Destination:
    key = read_key(settings.key_path())
    return Destination(address=warehouse(settings).address, profile=STANDARD, key=key, directory=directory)


def truth_of(done: Done) -> dict[str, Any]:
    """Return what was planted, for a file."""
    month, organisation = done.simulated.month, done.simulated.organisation
    return {
        "tenant": month.tenant,
        "seed": month.seed,
        "start": _instant(month.start_s),
        "end": _instant(month.end_s),
        "stories": [story_document(month, story) for story in stories(month, organisation)],
        "alerts": sorted({(alert.target, alert.kind) for alert in done.simulated.judged.alerts}),
    }


def story_document(month: Month, story: Story) -> dict[str, Any]:
    """Return one story for a file: where, from when to when, what announced it, and which targets may call."""
    return {
        "name": story.name,
        "what": story.what,
        "where": dict(story.where),
        "from": _instant(month.start_s + story.from_s),
        "until": None if math.isinf(story.until_s) else _instant(month.start_s + story.until_s),
        "change": f"{month.tenant}/change/{story.change}" if story.change else None,
        "may_alert": list(story.targets),
    }


def _instant(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tell(done: Done, wall_s: float, into: str) -> None:
    simulated, outcome = done.simulated, done.outcome
    rows = ", ".join(f"{count:,} {table}" for table, count in sorted(done.rows.items()))
    answers = sum(release.answers for release in simulated.blocks.released)
    print(f"telemetry   {sum(map(sum, simulated.telemetry.readings.values())):,} readings as {rows}")
    print(f"people      {simulated.records.events:,} records; {answers:,} answers released")
    alerts = len({alert.alert_id for alert in simulated.judged.alerts})
    print(f"judged      {simulated.judged.verdicts:,} verdicts, {alerts} alerts")
    print(f"time        {wall_s:.0f} s: " + ", ".join(f"{name} {s:.0f} s" for name, s in done.seconds.items()))
    if outcome.different:
        print(f"NOT EXACT   {len(outcome.different)} of {outcome.compared:,} figures differ")
        for line in outcome.different[:EXAMPLES]:
            print(f"  {line}")
    else:
        print(f"exact       all {outcome.compared:,} figures of the public views are those of the simulation")
    if not into.startswith("http"):
        print(f"look        xpulse up --data {into}")
