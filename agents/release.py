"""The release agent: epoch after epoch, waiting answers become published blocks, and blocks become bundles.

An epoch is folded once every partition of the records lane is stored past its end (`agents.release_epochs` says how it
is committed). Blocks come first, and bundles are made of those that are marked. Response rates are the last.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Protocol

import faust
import orjson

from agents.app import aborting
from agents.metrics import counter
from agents.release_books import Book
from agents.release_epochs import Epochs, Superseded
from agents.release_tables import Release, ReleaseTables
from agents.retry import backoff_s
from agents.warehouse.client import WarehouseError
from streams.blocks import Answer, Rule, block_key, release, run_id
from streams.erasures import without_erased
from streams.release_rules import Rules

LOOKS_PER_EPOCH = 20
SHORTEST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0

__all__ = ["Releaser", "Superseded", "register", "run"]

log = logging.getLogger(__name__)


class Follower(Protocol):
    """Who goes on from the blocks, or publishes something else of the same epochs."""

    def release_until(self, until_ms: int) -> int:
        """Release what is due once all blocks up to the end of an epoch are marked; return how much that was."""


class Releaser:
    """Folds the epochs that are due; for one thread at a time.

    Args:
        tables: Where answers, blocks and marks are.
        rule: The release rule; one for all tenants, or by tenant.
        secret: The installation's secret; the same for ever, since the ids of blocks are keyed with it.
        followers: Go on from the blocks, one after the other.
    """

    def __init__(self, tables: ReleaseTables, rule: Rule | Rules[Rule], secret: bytes, *followers: Follower) -> None:
        self._tables = tables
        self._rules = rule if isinstance(rule, Rules) else Rules(usual=rule)
        self._key = block_key(secret)
        self._followers = followers
        self._epochs = Epochs(tables, self._rules, self._text_of, self._fold_tenant, _count)
        self._done_ms = 0

    def _text_of(self, tenant: str) -> str:
        return orjson.dumps(asdict(self._rules.of(tenant)), option=orjson.OPT_SORT_KEYS).decode()

    def is_due(self, stored_ms: int) -> bool:
        """Return whether an epoch may be due, without asking the database.

        Args:
            stored_ms: Up to when any one partition of the records lane is stored; ms since the epoch.
        """
        return self._end_before(stored_ms) > self._done_ms

    def _end_before(self, reached_ms: int) -> int:
        """Return the last end of an epoch that has passed."""
        epoch_ms = self._rules.usual.epoch_ms
        return (reached_ms - 1) // epoch_ms * epoch_ms

    def step(self) -> int:
        """Release all epochs that are due.

        Returns:
            How many epochs of tenants were marked with their blocks.

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
        marks = self._epochs.release_until(until_ms)
        for follower in self._followers:
            follower.release_until(until_ms)
        self._done_ms = until_ms
        return marks

    def _fold_tenant(self, tenant: str, book: Book[Answer], end_ms: int) -> Release:
        rule = self._rules.of(tenant)
        due = without_erased(tenant, book.due(end_ms - rule.hold_ms), book.erasures, epoch_end_ms=end_ms)
        blocks, book.waiting = release(tenant, due, epoch_end_ms=end_ms, rule=rule, key=self._key)
        return Release(
            tenant=tenant,
            epoch_ms=end_ms,
            run=run_id(tenant, end_ms, blocks, self._key),
            blocks=blocks,
            told=[[book.told[member.answer] for member in block.members] for block in blocks],
        )

    def pause_s(self) -> float:
        """Return how long to wait between two looks: short against an epoch, cheap against the database; seconds."""
        return min(LONGEST_PAUSE_S, max(SHORTEST_PAUSE_S, self._rules.usual.epoch_ms / 1000 / LOOKS_PER_EPOCH))


def _count(marks: int) -> None:
    counter("xpulse_release_epochs_total").inc(marks)


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
