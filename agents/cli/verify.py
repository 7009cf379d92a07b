"""`xpulse verify`: does what is published still hash to what was committed? Epochs are compared, never built again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from agents.cli.directory import places
from agents.cli.targets import running_settings
from agents.gateway.identity import read_key
from agents.logs import configure_logging
from agents.processes import warehouse
from agents.release_books import runs_of
from agents.warehouse.client import Warehouse
from streams.blocks import DIMENSIONS, block_key, run_of
from streams.bundles import bundle_key

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Kind:
    """What is published: table and column of its id, and the table of the marks with the column of their number."""

    table: str
    name: str
    marks: str
    number: str


BLOCKS = Kind("release_blocks", "block", "release_marks", "blocks")
BUNDLES = Kind("release_bundles", "bundle", "release_bundle_marks", "bundles")


def command(data: Annotated[Path | None, typer.Option(help="Data folder of a running `xpulse up`.")] = None) -> None:
    """Compare ids, levels and labels of all published blocks and bundles with the hash in the mark that committed them.

    Status 0: all are as they were published. 1: some rows are missing, changed, or were added.
    """
    configure_logging(level="ERROR")
    settings = running_settings(data)
    secret = read_key(places(settings, data)[0])
    wrong = 0
    with closing(warehouse(settings)) as store:
        for kind, key in ((BLOCKS, block_key(secret)), (BUNDLES, bundle_key(secret))):
            epochs, different = compare(store, kind, key)
            print(f"{kind.number}: {epochs} epochs compared, {len(different)} different")
            for tenant, epoch_ms in different[:SHOWN]:
                print(f"  {tenant} {datetime.fromtimestamp(epoch_ms / 1000, tz=UTC):%Y-%m-%d %H:%M:%S} UTC")
            wrong += len(different)
    raise typer.Exit(1 if wrong else 0)


def compare(store: Warehouse, kind: Kind, key: bytes) -> tuple[int, list[tuple[str, int]]]:
    """Return how many epochs publish something, and those of which the rows do not hash to the run of their mark.

    Raises:
        WarehouseError: No answer.
    """
    marked = dict(_marked(store, kind))
    found: dict[tuple[str, int], list[tuple[str, int, tuple[str, ...]]]] = {place: [] for place in marked}
    for tenant, epoch_ms, name, level, *labels in store.ask(_rows(kind)):
        found.setdefault((tenant, epoch_ms), []).append((name, level, tuple(labels)))
    different = [
        (tenant, epoch_ms)
        for (tenant, epoch_ms), rows in sorted(found.items())
        if run_of(tenant, epoch_ms, rows, key) != marked.get((tenant, epoch_ms))
    ]
    return len(found), different


def _marked(store: Warehouse, kind: Kind) -> Iterator[tuple[tuple[str, int], str]]:
    sql = (
        f"SELECT tenant, toUnixTimestamp64Milli(epoch), argMin(run, (marked_at, run)) FROM {kind.marks} "  # noqa: S608
        f"WHERE {kind.number} > 0 GROUP BY tenant, epoch"
    )
    return (((tenant, epoch_ms), run) for tenant, epoch_ms, run in store.ask(sql))


def _rows(kind: Kind) -> str:
    return (
        f"SELECT DISTINCT tenant, toUnixTimestamp64Milli(epoch), {kind.name}, level, {', '.join(DIMENSIONS)} "  # noqa: S608
        f"FROM {kind.table} WHERE (tenant, epoch, run) IN ({runs_of(kind.marks)})"
    )
