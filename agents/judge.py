"""The judge: owning a partition of `targets` means judging the targets in it.

The topic is read from the beginning on every assignment and never committed: target versions are few and kept for
ever. What is judged comes from ClickHouse, in a few queries for all targets together, and so does the state that the
last owner left. A round writes alerts, publishes them, and then writes the ledger with the new states, in this order.
All three follow from what was published, from the target versions and from what operators did, so a round that dies
anywhere is repeated by whoever comes next, with the same ids and figures; a second judge by mistake writes the same
rows. Only whether an alert may still call somebody depends on the clock (`agents.judge_replay`), and whether the
pipeline stands still (`agents.judge_stall`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import faust
import msgspec

from agents.app import aborting
from agents.docket import Cases, Docket, Held, hold
from agents.judge_news import Grid, Published
from agents.judge_replay import EpisodeKey, doubtful, marked, still_open, without_mix
from agents.judge_stall import TENANT, Stalls
from agents.metrics import counter, gauge, histogram
from agents.publisher import Outgoing, Receipt
from agents.refusals import RefusalStore, log_failure, put_away, sort_out
from agents.retry import backoff_s
from agents.topics import ALERTS, TARGETS
from agents.transport import Chunk, chunked, is_current
from streams.codecs import encode_json
from streams.errors import InvariantError
from streams.events.judging import Alert, AlertKind, Target
from streams.judging.rounds import Entry
from streams.targets.indicators import objection

log = logging.getLogger(__name__)


class JudgePort(Published, Protocol):
    """Where the judge reads and writes. All methods block; writing the same again changes nothing."""

    def write_alerts(self, alerts: Sequence[Alert], *, now_ms: int) -> None:
        """Write alerts; returns once acknowledged."""

    def write_entries(self, entries: Iterable[Entry], *, now_ms: int) -> None:
        """Write ledger rows; returns once acknowledged."""

    def told(self, episodes: Collection[EpisodeKey]) -> set[EpisodeKey]:
        """Return those of some episodes of which a state that calls is stored."""

    def newest(self, episodes: Collection[EpisodeKey]) -> list[Alert]:
        """Return the newest stored state of each of some episodes."""

    def open_alerts(self, tenant: str, kind: AlertKind) -> list[Alert]:
        """Return the newest state of each episode of a tenant and kind that has not ended."""


class AlertPublisher(Protocol):
    """Who puts alerts on their topic."""

    async def publish(self, topic: str, batch: Sequence[Outgoing]) -> list[Receipt]:
        """Send records; returns once all are acknowledged."""


class AlertExplainer(Protocol):
    """Who knows why an alert was raised."""

    def explained(self, alerts: Sequence[Alert], cases: Cases, held: Held) -> list[Alert]:
        """Return the alerts of a round with what explains them, as far as that is known. Blocks."""


class WatermelonFinder(Protocol):
    """Who looks at targets beside a service level."""

    def look(self, cases: Cases, held: Held, known: JudgePort) -> tuple[list[Alert], dict[str, int]]:
        """Return new alerts, and how far each tenant was looked at. Blocks; changes nothing."""

    def looked(self, due: Mapping[str, int]) -> None:
        """Move on, once the alerts are out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Whom the judge asks beside the rows; None = nobody.

    Attributes:
        explainer: Adds why an alert was raised.
        watermelons: Finds what the detectors do not look for.
    """

    explainer: AlertExplainer | None = None
    watermelons: WatermelonFinder | None = None


NO_ADVICE = Advice()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When rounds are held.

    Attributes:
        round_s: Pause between rounds; seconds.
        settle_s: How long the topic of targets must have been quiet: versions that belong together are read together.
        stall_s: How long a lane may stand still before somebody is called.
    """

    round_s: float
    settle_s: float = 0.5
    stall_s: float = 120.0


class JudgeWorker:
    """Judges the targets of the partitions that this process owns.

    Args:
        app: An application from `agents.app.make_app`.
        store: Where published rows, the ledger and alerts are; used by one thread at a time.
        publisher: Puts alerts on their topic.
        refusals: Where undecodable targets go; a connection of its own.
        grid: Epochs, windows and k.
        pace: When rounds are held.
        advice: Whom to ask beside the rows.
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
        advice: Advice = NO_ADVICE,
    ) -> None:
        self._app = app
        self._store = store
        self._publisher = publisher
        self._refusals = refusals
        self._grid = grid
        self._pace = pace
        self._advice = advice
        self._docket = Docket()
        self._read_at_s = float("-inf")
        self._stalls: Stalls | None = None
        self._caught_up: set[EpisodeKey] = set()

    async def take(self, chunk: Chunk) -> None:
        """Take note of the target versions in a chunk."""
        if not is_current(self._app, chunk):
            return
        with aborting():
            taken, refused = sort_out(chunk, Target, _objection)
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
            if self._stalls is not None:
                self._stalls.forget()
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
        now_ms = int(time.time() * 1000)
        await self._write(held, cases, now_ms)
        await self._catch_up(held, now_ms)
        await self._look_for_stalls(held, now_ms)
        docket.moved(held)
        gauge("xpulse_alerts_open").set(docket.open_alerts)
        histogram("xpulse_judge_seconds").observe(time.monotonic() - started)
        return held

    async def _write(self, held: Held, cases: Cases, now_ms: int) -> None:
        """Write what was found. The order matters: a state that is written says that its alerts are out."""
        explainer, finder = self._advice.explainer, self._advice.watermelons
        found, due = await asyncio.to_thread(finder.look, cases, held, self._store) if finder else ([], {})
        if alerts := [*held.alerts, *found]:
            told = await asyncio.to_thread(self._store.told, doubtful(alerts, now_ms))
            alerts = marked(alerts, told, now_ms)
            if explainer is not None:
                alerts = without_mix(await asyncio.to_thread(explainer.explained, alerts, cases, held))
            await self._raise(alerts, now_ms)
        if held.entries:
            await asyncio.to_thread(self._store.write_entries, held.entries, now_ms=now_ms)
        if finder is not None:
            finder.looked(due)
        for entry in held.entries:
            counter("xpulse_verdicts_total").labels(entry.verdict.verdict).inc()

    async def _raise(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Write alerts and publish them."""
        await asyncio.to_thread(self._store.write_alerts, alerts, now_ms=now_ms)
        await self._publisher.publish(ALERTS, [_outgoing(alert, now_ms) for alert in alerts])
        for alert in alerts:
            _tell(alert)

    async def _catch_up(self, held: Held, now_ms: int) -> None:
        """Call for old episodes that nobody was told of and that are still going on."""
        going_on = still_open(held.states, now_ms) - self._caught_up
        if not going_on:
            return
        untold = going_on - await asyncio.to_thread(self._store.told, going_on)
        late = [_calling(alert) for alert in await asyncio.to_thread(self._store.newest, untold) if _is_quiet(alert)]
        if late:
            await self._raise(late, now_ms)
        self._caught_up |= going_on

    async def _look_for_stalls(self, held: Held, now_ms: int) -> None:
        if self._stalls is None:
            stalls = Stalls(self._pace.stall_s)
            stalls.remember(await asyncio.to_thread(self._store.open_alerts, TENANT, "stall"))
            self._stalls = stalls
        alerts = self._stalls.look(held.reached, time.monotonic())
        if alerts:
            await self._raise(alerts, now_ms)


def _objection(target: Target) -> str:
    """Return why a target version cannot be judged; empty if it can."""
    return objection(target.indicator, target.metric, target.objective)


def _calling(alert: Alert) -> Alert:
    return msgspec.structs.replace(alert, calls="yes")


def _is_quiet(alert: Alert) -> bool:
    return alert.state == "firing" and alert.calls == "replayed"


def alert_key(alert: Alert) -> bytes:
    """Return an alert's key on the topic: all states of an episode lie in one partition, in order."""
    return f"{alert.tenant}/{alert.alert_id}".encode()


def _outgoing(alert: Alert, now_ms: int) -> Outgoing:
    return alert_key(alert), encode_json(alert), now_ms, None


def _tell(alert: Alert) -> None:
    counter("xpulse_alerts_total").labels(alert.state).inc()
    log.info(
        "alert_%s kind=%s calls=%s tenant=%s target=%s at_ms=%s",
        *(alert.state, alert.kind, alert.calls, alert.tenant, alert.target, alert.at_ms),
    )


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
