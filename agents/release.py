"""The release agent: epoch after epoch, waiting answers become published blocks.

An epoch is folded once every partition of the records lane is stored past its end. Blocks, members and mark are
written in this order, and the next epoch waits for the mark. Everything is read from the tables again after an error
or a restart; what was written without a mark is written again and means nothing until then. Published epochs are
never built again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict

import faust
import orjson

from agents.app import aborting
from agents.metrics import counter
from agents.release_tables import Book, Release, ReleaseTables, tally
from agents.retry import backoff_s
from agents.warehouse.client import WarehouseError
from streams.blocks import Rule, active_epochs, block_key, release, run_id
from streams.errors import XPulseError

EPOCHS_PER_WRITE = 100
"""Epochs whose blocks and members are written together when many are due."""

LOOKS_PER_EPOCH = 20
SHORTEST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0

log = logging.getLogger(__name__)


class Superseded(XPulseError):
    """Somebody else released an epoch that was about to be released here: what is known here is out of date."""


class Releaser:
    """Folds the epochs that are due; for one thread at a time.

    Args:
        tables: Where answers, blocks and marks are.
        rule: The release rule.
        secret: The installation's secret; the same for ever, since the ids of blocks are keyed with it.
    """

    def __init__(self, tables: ReleaseTables, rule: Rule, secret: bytes) -> None:
        self._tables = tables
        self._rule = rule
        self._rule_text = orjson.dumps(asdict(rule), option=orjson.OPT_SORT_KEYS).decode()
        self._key = block_key(secret)
        self._done_ms = 0

    def is_due(self, stored_ms: int) -> bool:
        """Return whether an epoch may be due, without asking the database.

        Args:
            stored_ms: Up to when any one partition of the records lane is stored; ms since the epoch.
        """
        return self._end_before(stored_ms) > self._done_ms

    def _end_before(self, reached_ms: int) -> int:
        """Return the last end of an epoch that has passed."""
        return (reached_ms - 1) // self._rule.epoch_ms * self._rule.epoch_ms

    def step(self) -> int:
        """Release all epochs that are due.

        Returns:
            How many epochs of tenants were marked.

        Raises:
            WarehouseError: No answer or no acknowledgement; call again later.
            Superseded: Another agent was faster; call again.
        """
        reached_ms = self._tables.reached_ms()
        if reached_ms is None:
            return 0
        until_ms = self._end_before(reached_ms)
        if until_ms <= self._done_ms:
            return 0
        marks = self._release_until(until_ms)
        self._done_ms = until_ms
        return marks

    def _release_until(self, until_ms: int) -> int:
        books = self._tables.books(until_ms, self._rule)
        epochs = self._fold_all(books, until_ms)
        marks = 0
        for begin in range(0, len(epochs), EPOCHS_PER_WRITE):
            some = epochs[begin : begin + EPOCHS_PER_WRITE]
            marks += self._publish(books, some)
        return marks

    def _fold_all(self, books: dict[str, Book], until_ms: int) -> list[list[Release]]:
        """Return the releases of each epoch that has any, in order."""
        schedule = sorted(self._schedule(books, until_ms).items())
        folded = [self._fold(books, end_ms, tenants) for end_ms, tenants in schedule]
        return [releases for releases in folded if releases]

    def _schedule(self, books: dict[str, Book], until_ms: int) -> dict[int, dict[str, bool]]:
        """Return end of epoch -> tenant -> whether it is marked even without blocks.

        The last epoch is folded for everybody: an answer that reached the log long after its timestamp would otherwise
        wait for the next one.
        """
        schedule: dict[int, dict[str, bool]] = defaultdict(dict)
        for tenant, book in books.items():
            if book.coming and book.last_ms < until_ms:
                schedule[until_ms][tenant] = False
            for end_ms in active_epochs(book.log_times, after_ms=book.last_ms, until_ms=until_ms, rule=self._rule):
                schedule[end_ms][tenant] = True
        return schedule

    def _fold(self, books: dict[str, Book], end_ms: int, tenants: dict[str, bool]) -> list[Release]:
        found = [(self._fold_tenant(tenant, books[tenant], end_ms), tenants[tenant]) for tenant in sorted(tenants)]
        return [folded for folded, is_active in found if folded.blocks or is_active]

    def _fold_tenant(self, tenant: str, book: Book, end_ms: int) -> Release:
        due = book.due(end_ms - self._rule.hold_ms)
        blocks, book.waiting = release(tenant, due, epoch_end_ms=end_ms, rule=self._rule, key=self._key)
        return Release(
            tenant=tenant,
            epoch_ms=end_ms,
            run=run_id(tenant, end_ms, blocks, self._key),
            blocks=blocks,
            counts=[tally(block, book.scores) for block in blocks],
        )

    def _publish(self, books: dict[str, Book], epochs: Sequence[Sequence[Release]]) -> int:
        """Write the blocks and members of some epochs at once, for they mean nothing yet; then mark epoch by epoch."""
        everything = [found for epoch in epochs for found in epoch]
        self._tables.write_blocks(everything)
        self._tables.write_members(everything)
        self._check_marks(books, everything, {})
        for releases in _in_one_insert(epochs):
            self._tables.write_marks(releases, self._rule_text)
            self._check_marks(books, releases, {(r.tenant, r.epoch_ms): r.run for r in releases})
            for r in releases:
                books[r.tenant].last_ms = r.epoch_ms
            counter("xpulse_release_epochs_total").inc(len(releases))
        return len(everything)

    def _check_marks(
        self, books: dict[str, Book], releases: Sequence[Release], ours: Mapping[tuple[str, int], str]
    ) -> None:
        """Look whether the tenants' marks since the last one known are ours, and no others."""
        last = {r.tenant: books[r.tenant].last_ms for r in releases}
        marked = self._tables.marked_since(min(last.values()))
        since = {place: run for place, run in marked.items() if place[1] > last.get(place[0], place[1])}
        if since != ours:
            raise Superseded("another release agent marked the same tenants")

    def pause_s(self) -> float:
        """Return how long to wait between two looks: short against an epoch, cheap against the database; seconds."""
        return min(LONGEST_PAUSE_S, max(SHORTEST_PAUSE_S, self._rule.epoch_ms / 1000 / LOOKS_PER_EPOCH))


def _in_one_insert(epochs: Iterable[Sequence[Release]]) -> Iterator[Sequence[Release]]:
    """Yield the releases of one epoch after the other; epochs without a block in a row go together."""
    quiet: list[Release] = []
    for releases in epochs:
        if not any(r.blocks for r in releases):
            quiet += releases
            continue
        if quiet:
            yield quiet
            quiet = []
        yield releases
    if quiet:
        yield quiet


async def run(releaser: Releaser, *, stored_ms: Callable[[], int | None]) -> None:
    """Release until cancelled.

    Args:
        releaser: Folds the epochs.
        stored_ms: Up to when the partition is stored whose owner does the release; None: this process is not the one.
            Two at once would only undo each other's work, since the first mark of an epoch counts.
    """
    failures = 0
    while True:
        await asyncio.sleep(backoff_s(failures) if failures else releaser.pause_s())
        reached_ms = stored_ms()
        if reached_ms is not None and releaser.is_due(reached_ms):
            failures = 0 if await _try_step(releaser) else failures + 1


async def _try_step(releaser: Releaser) -> bool:
    try:
        marks = await asyncio.to_thread(releaser.step)
    except (WarehouseError, Superseded) as error:
        log.warning("release_failed error=%s code=%s", type(error).__name__, getattr(error, "code", None))
        return False
    if marks:
        log.info("epochs_released")
    return True


def register(app: faust.App, releaser: Releaser, *, stored_ms: Callable[[], int | None]) -> None:
    """Register the release as a task of `app`; `stored_ms` as in `run`, e.g. `RecordsWorker.stored_ms`."""

    async def release_epochs(_app: faust.App) -> None:
        with aborting():
            await run(releaser, stored_ms=stored_ms)

    app.task(release_epochs)
