"""Delivery: every alert on its topic to every notifier, at least once, in order per episode, each attempt on record.

The topic is the queue. An offset is committed once everything before it is settled with every notifier: delivered,
refused for good, or given up a day after it was published. A receiver that hangs costs one bounded attempt and then a
growing pause, and only its own notices wait. After a restart the uncommitted alerts are read again, and what the
`deliveries` table has as settled is not sent again: a process killed between sending and recording repeats one notice,
with the same key.

A broker that forgets (the embedded one) may lose alerts that were published and not yet read. So alerts of the last
hour that nobody has a record of are taken from the `alerts` table when partitions are assigned. Receivers that forget
(Alertmanager) are told again what fires: `agents.deliver_upkeep`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import faust
from faust.types import TP

from agents.app import aborting
from agents.deliver_store import KEPT, Attempt, DeliverPort, Outcome, TargetKey
from agents.deliver_upkeep import Upkeep
from agents.judge import alert_key
from agents.metrics import counter
from agents.notify import RECORDING, Busy, Duty, Keeper, Notice, Notifier
from agents.refusals import RefusalStore, Taken, log_failure, put_away, sort_out
from agents.retry import backoff_s
from agents.topics import ALERTS, partition_of
from agents.transport import Chunk, chunked, is_current
from streams.errors import DeliveryError
from streams.events.judging import Alert
from streams.judging.outbox import Errand, Key, Outbox, key_of

log = logging.getLogger(__name__)

ATTEMPT_LIMIT_S = 15.0
"""Longest time that any notifier gets for one attempt, its own limit aside; seconds."""
GIVE_UP_MS = 86_400_000
"""How long after its publication an alert is tried."""
ADOPT_MS = 3_600_000
"""How far back alerts are looked for that the topic may have lost."""
LOOK_S = 1.0
"""Longest time between two looks at what is due; seconds."""

R = TypeVar("R")


class DeliverWorker:
    """Delivers the alerts of the partitions that this process owns.

    Args:
        app: An application from `agents.app.make_app`.
        notifiers: By name; from `agents.notify.build_notifiers`.
        store: Where attempts are written down; used by one thread at a time.
        refusals: Where undecodable alerts go; a connection of its own.
        partitions: Number of the topic's partitions.
        is_topic_there: Asks the cluster whether it has the topic; blocks, and may raise.
    """

    def __init__(
        self,
        app: faust.App,
        notifiers: Mapping[str, Notifier],
        store: DeliverPort,
        refusals: RefusalStore,
        *,
        partitions: int,
        is_topic_there: Callable[[], bool],
    ) -> None:
        self._app = app
        self._notifiers = notifiers
        self._store = store
        self._refusals = refusals
        self._partitions = partitions
        self._outbox = Outbox(notifiers)
        self._generation = -1
        self._committed: dict[int, int] = {}
        self._store_lock, self._commit_lock = asyncio.Lock(), asyncio.Lock()
        self._wake = {name: asyncio.Event() for name in notifiers}
        self._is_fresh = True
        self._duties: dict[TargetKey, Duty] = {}
        self._told: set[tuple[str, str, str]] = set()
        self._upkeep = [
            Upkeep(name, notifier, store, is_topic_there)
            for name, notifier in notifiers.items()
            if isinstance(notifier, Keeper)
        ]

    async def take(self, chunk: Chunk) -> None:
        """Take note of the alerts in a chunk."""
        if not is_current(self._app, chunk):
            return
        with aborting():
            outbox, self._generation = self._outbox, chunk.generation
            taken, refused = sort_out(chunk, Alert)
            await put_away(self._refusals, refused, ALERTS)
            await self._add(outbox, chunk, taken)
            outbox.read_up_to(chunk.partition, chunk.end)
            self._wake_all()
            await self._commit(outbox)

    async def _add(self, outbox: Outbox, chunk: Chunk, taken: Sequence[Taken[Alert]]) -> None:
        settled = await self._learn([one.event for one in taken])
        for one in taken:
            outbox.add(one.event, stamp_ms=one.stamp_ms, settled=_settled(one.event, settled))
            outbox.place(chunk.partition, one.offset, one.event)

    def drop(self) -> None:
        """Forget what is outstanding: whoever owns the partitions next reads it again."""
        self._outbox, self._committed, self._is_fresh, self._told = Outbox(self._notifiers), {}, True, set()
        for upkeep in self._upkeep:
            upkeep.forget()

    async def run(self) -> None:
        """Deliver until the application stops; every notifier has a loop of its own."""
        try:
            keeping = (self._keep(upkeep) for upkeep in self._upkeep)
            await asyncio.gather(self._adopt_when_fresh(), *map(self._serve, self._notifiers), *keeping)
        finally:
            for notifier in self._notifiers.values():
                await notifier.close()

    async def _serve(self, name: str) -> None:
        while not self._app.should_stop:
            outbox = self._outbox
            errand = outbox.next_errand(name, _now_ms())
            if errand is None:
                await self._rest(name, outbox.next_due_ms(name))
            else:
                await self._run_errand(outbox, errand)

    async def _rest(self, name: str, due_ms: int | None) -> None:
        pause_s = LOOK_S if due_ms is None else min(LOOK_S, max(0.01, (due_ms - _now_ms()) / 1000))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake[name].wait(), pause_s)
        self._wake[name].clear()

    async def _run_errand(self, outbox: Outbox, errand: Errand) -> None:
        attempt = await self._attempt(errand)
        await self._ask(lambda: self._store.record([attempt]))
        counter("xpulse_deliveries_total").labels(attempt.notifier, attempt.outcome).inc()
        if attempt.outcome == "retry":
            outbox.postpone(errand, _now_ms(), rest_ms=attempt.rest_ms)
            return
        if attempt.outcome in KEPT:
            self._told.add((errand.alert.tenant, errand.alert.alert_id, errand.notifier))
        outbox.settle(errand)
        self._wake_all()
        await self._commit(outbox)

    def _may_call(self, errand: Errand) -> bool:
        """Say whether a state may be told: what another alert explains, or old data brings, only to those who record.

        The end of an episode is told to everybody who was told of it.
        """
        alert, name = errand.alert, errand.notifier
        was_told = (alert.tenant, alert.alert_id, name) in self._told
        return alert.calls == "yes" or name in RECORDING or (alert.state == "resolved" and was_told)

    async def _attempt(self, errand: Errand) -> Attempt:
        if not self._may_call(errand):
            reason = f"{errand.alert.calls} {errand.alert.inhibited_by}".strip()
            return Attempt(key_of(errand.alert), errand.notifier, "withheld", reason, _now_ms())
        failure = await self._send(errand)
        outcome: Outcome = "delivered" if failure is None else _outcome(failure, errand)
        reason = "" if failure is None else failure.reason
        if failure is not None:
            level = logging.WARNING if outcome == "retry" else logging.ERROR
            which = f"{errand.alert.alert_id}/{errand.alert.sequence}"
            log.log(level, "delivery_%s notifier=%s alert=%s reason=%s", outcome, errand.notifier, which, reason)
        rest_ms = int(failure.retry_after_s * 1000) if isinstance(failure, Busy) else 0
        return Attempt(key_of(errand.alert), errand.notifier, outcome, reason, _now_ms(), rest_ms)

    async def _send(self, errand: Errand) -> DeliveryError | None:
        """Send once; return why it failed, or None."""
        notice = Notice(errand.alert, self._duties.get(_target(errand.alert), Duty()))
        try:
            async with asyncio.timeout(ATTEMPT_LIMIT_S):
                await self._notifiers[errand.notifier].send(notice)
        except DeliveryError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the agent's boundary: a notifier's bug must not stop the others
            return DeliveryError(type(error).__name__, is_retryable=True)
        return None

    async def _learn(self, alerts: Collection[Alert]) -> Mapping[Key, Mapping[str, Outcome]]:
        """Ask what was told before, whom the alerts' targets want to be called, and when."""
        settled = await self._ask(lambda: self._store.settled({key_of(alert) for alert in alerts}))
        self._duties.update(await self._ask(lambda: self._store.duties({_target(alert) for alert in alerts})))
        for (tenant, alert_id, _), outcomes in settled.items():
            self._told.update((tenant, alert_id, name) for name, outcome in outcomes.items() if outcome in KEPT)
        return settled

    def _mine(self) -> set[int]:
        return {tp.partition for tp in self._app.consumer.assignment() if tp.topic == ALERTS}

    def _is_mine(self, alert: Alert) -> bool:
        return partition_of(alert_key(alert), self._partitions) in self._mine()

    async def _adopt_when_fresh(self) -> None:
        """Look for alerts that the topic may have lost, once after each assignment."""
        while not self._app.should_stop:
            if self._is_fresh and self._mine():
                self._is_fresh = False
                await self._adopt(self._outbox)
            await asyncio.sleep(LOOK_S)

    async def _adopt(self, outbox: Outbox) -> None:
        """Take alerts from the table: the recent ones, and for receivers that are told again all that still fire."""
        found = await self._ask(lambda: self._store.recent(_now_ms() - ADOPT_MS))
        old = await self._ask(self._store.open) if self._upkeep else []
        others = set(self._notifiers) - {upkeep.name for upkeep in self._upkeep}
        settled = await self._learn([alert for alert, _ in [*found, *old]])
        for alert, at_ms in filter(lambda one: self._is_mine(one[0]), found):
            outbox.add(alert, stamp_ms=at_ms, settled=_settled(alert, settled))
        for alert, _ in filter(lambda one: self._is_mine(one[0]), old):
            outbox.add(alert, stamp_ms=_now_ms(), settled={*_settled(alert, settled), *others})
        self._wake_all()

    async def _keep(self, upkeep: Upkeep) -> None:
        """Tell a receiver again what fires, as long as the alerts are ours."""
        while not self._app.should_stop:
            if not self._is_fresh and self._mine() and upkeep.is_due(time.monotonic()):
                async with self._store_lock:
                    await upkeep.read(_now_ms(), is_mine=self._is_mine)
                await upkeep.tell()
            await asyncio.sleep(min(LOOK_S, upkeep.pause_s))

    async def _commit(self, outbox: Outbox) -> None:
        async with self._commit_lock:
            offsets = {p: offset for p, offset in outbox.commit_offsets().items() if offset > self._committed.get(p, 0)}
            if not offsets or outbox is not self._outbox:
                return
            where = {TP(ALERTS, partition): offset for partition, offset in offsets.items()}
            if await self._app.consumer.commit_exact(where, self._generation):
                self._committed.update(offsets)

    async def _ask(self, question: Callable[[], R]) -> R:
        """Ask or tell ClickHouse, as often as it takes."""
        failures = 0
        while True:
            try:
                async with self._store_lock:
                    return await asyncio.to_thread(question)
            except Exception as error:  # noqa: BLE001 - the agent's boundary: any outcome but an answer is unknown
                failures += 1
                log_failure(log, "deliver_store_failed", error)
                await asyncio.sleep(backoff_s(failures))

    def _wake_all(self) -> None:
        for event in self._wake.values():
            event.set()


def _settled(alert: Alert, settled: Mapping[Key, Mapping[str, Outcome]]) -> set[str]:
    """Return the notifiers with which an alert is settled: not those it was withheld from before it might call."""
    outcomes = settled.get(key_of(alert), {})
    return {name for name, outcome in outcomes.items() if outcome != "withheld" or alert.calls != "yes"}


def _outcome(error: DeliveryError, errand: Errand) -> Outcome:
    if not error.is_retryable:
        return "refused"
    return "given_up" if _now_ms() - errand.stamp_ms > GIVE_UP_MS else "retry"


def _target(alert: Alert) -> TargetKey:
    return alert.tenant, alert.target


def _now_ms() -> int:
    return int(time.time() * 1000)


def register(app: faust.App, worker: DeliverWorker, topic: str = ALERTS) -> None:
    """Register the agent, its deliveries and its reaction to a rebalance on `app`.

    Args:
        app: An application from `agents.app.make_app`.
        worker: Delivers.
        topic: Topic of the alerts.
    """

    async def alerts(stream: Any) -> None:
        async for chunk in stream:
            await worker.take(chunk)

    async def revoked(*_args: Any, **_kwargs: Any) -> None:
        worker.drop()

    async def deliveries(_app: faust.App) -> None:
        with aborting():
            await worker.run()

    app.agent(chunked(app, topic), name="xpulse.deliver", concurrency=1)(alerts)
    app.on_partitions_revoked.connect(revoked)
    app.task(deliveries)
