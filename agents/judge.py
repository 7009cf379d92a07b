"""The judge: owning a partition of `targets` means judging the targets in it.

The topic is read from the beginning on every assignment and never committed: target versions are few and kept for
ever. What is judged comes from ClickHouse, in a few queries for all targets together, and so does the state that the
last owner left. A round writes alerts, publishes them, and then writes the ledger with the new states, in this order.
All three follow from what was published and from the target versions alone, so a round that dies anywhere is repeated
by whoever comes next, with the same ids and figures; a second judge by mistake writes the same rows.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import faust

from agents.app import aborting
from agents.docket import Docket, Held, hold
from agents.judge_news import Grid, Published
from agents.metrics import counter, gauge, histogram
from agents.publisher import Outgoing, Receipt
from agents.refusals import RefusalStore, log_failure, put_away, sort_out
from agents.retry import backoff_s
from agents.topics import ALERTS, TARGETS
from agents.transport import Chunk, chunked
from streams.codecs import encode_json
from streams.errors import InvariantError
from streams.events.judging import Alert, Target
from streams.rounds import Entry

log = logging.getLogger(__name__)


class JudgePort(Published, Protocol):
    """Where the judge reads and writes. All methods block; writing the same again changes nothing."""

    def write_alerts(self, alerts: Sequence[Alert], *, now_ms: int) -> None:
        """Write alerts; returns once acknowledged."""

    def write_entries(self, entries: Iterable[Entry], *, now_ms: int) -> None:
        """Write ledger rows; returns once acknowledged."""


class AlertPublisher(Protocol):
    """Who puts alerts on their topic."""

    async def publish(self, topic: str, batch: Sequence[Outgoing]) -> list[Receipt]:
        """Send records; returns once all are acknowledged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When rounds are held.

    Attributes:
        round_s: Pause between rounds; seconds.
        settle_s: How long the topic of targets must have been quiet: versions that belong together are read together.
    """

    round_s: float
    settle_s: float = 0.5


class JudgeWorker:
    """Judges the targets of the partitions that this process owns.

    Args:
        app: An application from `agents.app.make_app`.
        store: Where published rows, the ledger and alerts are; used by one thread at a time.
        publisher: Puts alerts on their topic.
        refusals: Where undecodable targets go; a connection of its own.
        grid: Epochs, windows and k.
        pace: When rounds are held.
    """

    def __init__(
        self,
        app: faust.App,
        store: JudgePort,
        publisher: AlertPublisher,
        refusals: RefusalStore,
        *,
        grid: Grid,
        pace: Pace,
    ) -> None:
        self._app = app
        self._store = store
        self._publisher = publisher
        self._refusals = refusals
        self._grid = grid
        self._pace = pace
        self._docket = Docket()
        self._read_at_s = float("-inf")

    async def take(self, chunk: Chunk) -> None:
        """Take note of the target versions in a chunk."""
        if chunk.generation != self._app.consumer_generation_id:
            return
        with aborting():
            taken, refused = sort_out(chunk, Target)
            for one in taken:
                self._docket.learn(one.event)
            self._read_at_s = time.monotonic()
            gauge("xpulse_targets").set(len(self._docket.versions))
            await put_away(self._refusals, refused, TARGETS)

    def drop(self) -> None:
        """Forget all targets: their partitions may be somebody else's now."""
        log.info("targets_dropped count=%s", len(self._docket.versions))
        self._docket = Docket()
        counter("xpulse_revocations_total").labels(TARGETS).inc()

    async def run(self) -> None:
        """Hold rounds until the application stops."""
        failures = 0
        while not self._app.should_stop:
            await asyncio.sleep(backoff_s(failures) if failures else self._pace.round_s)
            failures = 0 if await self._try() else failures + 1

    async def _try(self) -> bool:
        """Hold a round; False if it has to be repeated."""
        try:
            await self.round()
        except InvariantError:
            raise
        except Exception as error:  # noqa: BLE001 - the agent's boundary: any outcome but an answer is unknown
            log_failure(log, "round_failed", error)
            return False
        return True

    async def round(self) -> Held | None:
        """Judge what was published since the last round; None if there was nothing to do or too early.

        Raises:
            DeliveryError: ClickHouse or the broker did not acknowledge; the next round repeats everything.
        """
        docket, started = self._docket, time.monotonic()
        cases = docket.cases()
        if not cases or started - self._read_at_s < self._pace.settle_s:
            return None
        held = await asyncio.to_thread(hold, cases, dict(docket.states), dict(docket.seen), self._store, self._grid)
        await self._write(held)
        docket.moved(held)
        gauge("xpulse_alerts_open").set(docket.drifting)
        histogram("xpulse_judge_seconds").observe(time.monotonic() - started)
        return held

    async def _write(self, held: Held) -> None:
        """Write what was found. The order matters: a state that is written says that its alerts are out."""
        now_ms = int(time.time() * 1000)
        if held.alerts:
            await asyncio.to_thread(self._store.write_alerts, held.alerts, now_ms=now_ms)
            await self._publisher.publish(ALERTS, [_outgoing(alert, now_ms) for alert in held.alerts])
        if held.entries:
            await asyncio.to_thread(self._store.write_entries, held.entries, now_ms=now_ms)
        _tell(held)


def alert_key(alert: Alert) -> bytes:
    """Return an alert's key on the topic: all states of an episode lie in one partition, in order."""
    return f"{alert.tenant}/{alert.alert_id}".encode()


def _outgoing(alert: Alert, now_ms: int) -> Outgoing:
    return alert_key(alert), encode_json(alert), now_ms, None


def _tell(held: Held) -> None:
    for entry in held.entries:
        counter("xpulse_verdicts_total").labels(entry.verdict.verdict).inc()
    for alert in held.alerts:
        counter("xpulse_alerts_total").labels(alert.state).inc()
        log.info("alert_%s tenant=%s target=%s at_ms=%s", alert.state, alert.tenant, alert.target, alert.at_ms)


def register(app: faust.App, worker: JudgeWorker, topic: str = TARGETS) -> None:
    """Register the agent, its rounds and its reaction to a rebalance on `app`.

    Args:
        app: An application from `agents.app.make_app`.
        worker: Judges.
        topic: Topic of the target versions.
    """

    async def targets(stream: Any) -> None:
        async for chunk in stream:
            await worker.take(chunk)

    async def revoked(*_args: Any, **_kwargs: Any) -> None:
        worker.drop()

    async def rounds(_app: faust.App) -> None:
        with aborting():
            await worker.run()

    app.agent(chunked(app, topic), name="xpulse.judge", concurrency=1)(targets)
    app.on_partitions_revoked.connect(revoked)
    app.task(rounds)
