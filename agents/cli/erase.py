"""`xpulse erase PERSON --tenant T`: forget a person, and prove it by looking for the person everywhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from agents.cli.addresses import default_folder
from agents.cli.directory import places
from agents.cli.targets import running_settings
from agents.erasing.eraser import Eraser, Person
from agents.erasing.scan import Sight, scan_files, scan_tables, scan_topics
from agents.erasing.tables import PersonTables
from agents.gateway.identity import Pseudonyms, is_pseudonym, normalised, read_key
from agents.local.paths import DataFolder
from agents.logs import configure_logging
from agents.processes import warehouse
from agents.settings import Settings
from agents.topics import ALERTS, RECORDS, TARGETS, TELEMETRY
from agents.warehouse.migrate import public_of
from streams.errors import ConfigError
from streams.targets.periods import seconds

TOPICS = (ALERTS, RECORDS, TARGETS, TELEMETRY)
STDIN = "-"
SHORTEST_IDENTITY = 4
"""Characters from which on an identity is looked for as it is spelled: shorter ones are found in everything."""


def command(
    person: Annotated[
        str, typer.Argument(help="Pseudonym, or identity as the sources spell it; - reads it from input.")
    ],
    tenant: Annotated[str, typer.Option(help="Whose person it is.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, and change nothing.")] = False,
    within: Annotated[str, typer.Option(help="How long to wait for the release, such as 30m.")] = "30m",
    logs: Annotated[
        list[Path] | None, typer.Option(help="Folder of logs to look through as well; may be repeated.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder of a running `xpulse up`.")] = None,
) -> None:
    """Forget a person: waiting answers are dropped, raw rows destroyed; what is published stays as it is.

    At the end every table, topic and log is searched for the person. Status 0: nothing is left but what the lines name
    with its end. 1: something is left that should not be. A run that was broken off is started again.
    """
    configure_logging(level="ERROR")
    settings = running_settings(data)
    spelled = sys.stdin.read().strip() if person == STDIN else person
    key_file, directory_dir = places(settings, data)
    who = Person(tenant=tenant, pseudonym=_pseudonym(spelled, tenant, key_file), directory_dir=directory_dir)
    folders = [*(logs or []), *_own_folders(data, directory_dir)]
    with closing(warehouse(settings)) as store:
        tables = PersonTables(store, tenant, who.pseudonym)
        eraser = Eraser(tables, who, settings.brokers, within_s=_seconds(within), say=_say)
        if dry_run:
            eraser.look()
            return
        erased = eraser.erase()
        _say(f"erased what lay in the log until {_clock(erased.log_ms)}; now looking for what is left")
        needles = _needles(spelled, who.pseudonym)
        databases = [settings.clickhouse_database, public_of(settings.clickhouse_database)]
        sights = [*_told(scan_tables(store, databases, needles)), *_told(_outside(settings, folders, needles))]
    raise typer.Exit(_verdict(sights))


def _pseudonym(spelled: str, tenant: str, key_file: Path) -> str:
    if is_pseudonym(spelled):
        return spelled
    found = Pseudonyms(read_key(key_file)).of(tenant, "person", spelled)
    if not found:
        raise ConfigError("PERSON is blank; allowed: a pseudonym, or an identity as the sources spell it")
    return found


def _needles(spelled: str, pseudonym: str) -> list[str]:
    names = {pseudonym, spelled, normalised(spelled)}
    return sorted(name for name in names if len(name) >= SHORTEST_IDENTITY)


def _own_folders(data: Path | None, directory_dir: Path) -> list[Path]:
    local = DataFolder(data or default_folder())
    return [folder for folder in dict.fromkeys((local.logs, local.directory, directory_dir)) if folder.is_dir()]


def _outside(settings: Settings, folders: Sequence[Path], needles: Sequence[str]) -> Iterator[Sight]:
    yield from scan_files(folders, needles)
    yield from scan_topics(settings.brokers, TOPICS, needles, within_s=600)


def _told(sights: Iterable[Sight]) -> Iterator[Sight]:
    """Say what is seen as it is seen: of places without the person only how much was looked at."""
    for sight in sights:
        _say(f"  {sight.place}: {sight.looked_at} looked at, {sight.found or 'none'} found{_end(sight)}")
        yield sight


def _end(sight: Sight) -> str:
    if not sight.found or not sight.place.startswith("topic "):
        return ""
    if sight.until_ms is None:
        return "; gone when the topic is (an embedded broker: when it stops)"
    return f"; gone by {_clock(sight.until_ms)}"


def _verdict(sights: Sequence[Sight]) -> int:
    left = [sight for sight in sights if sight.found and not sight.place.startswith("topic ")]
    topics = [sight for sight in sights if sight.found and sight.place.startswith("topic ")]
    for sight in left:
        _say(f"LEFT in {sight.place}: {sight.found}")
    if topics:
        _say("the log still holds what it held; nothing of it is taken in again, and it ends as said above")
    _say("nothing is left in tables and files" if not left else "run it again; if it stays, somebody wrote it anew")
    return 1 if left else 0


def _seconds(within: str) -> float:
    try:
        return float(seconds(within))
    except ValueError as error:
        raise ConfigError(f"--within: {error}") from error


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)
