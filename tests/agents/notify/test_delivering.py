"""The deliver agent with a receiver that misbehaves: nothing is lost, order is kept, each attempt is on record."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from faust.types import TP

from agents import deliver
from agents.deliver import DeliverWorker
from agents.deliver_store import KEPT, SETTLED, Attempt, Outcome
from agents.notify import Duty, NotifyConfig, build_notifiers
from agents.refusals import Refused
from agents.topics import ALERTS
from agents.transport import Chunk
from streams.codecs import encode_json
from streams.events.judging import Alert
from streams.judging import outbox
from streams.judging.outbox import Key, key_of
from tests.agents.local.services import wait_until
from tests.agents.notify.alerts import FIRING, episode
from tests.agents.notify.doors import Door, Manner, running_door

pytestmark = pytest.mark.integration


class Memory:
    """What ClickHouse would hold; may be away."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.attempts: list[Attempt] = []
        self.is_away = False

    def _told(self, notifier: str, outcomes: Collection[str]) -> set[Key]:
        return {one.key for one in self.attempts if one.notifier == notifier and one.outcome in outcomes}

    def settled(self, keys: Collection[Key]) -> Mapping[Key, Mapping[str, Outcome]]:
        found: dict[Key, dict[str, Outcome]] = defaultdict(dict)
        for one in self.attempts:
            if one.outcome in SETTLED and one.key[:2] in {key[:2] for key in keys}:
                found[one.key][one.notifier] = one.outcome
        return found

    def recent(self, since_ms: int) -> Sequence[tuple[Alert, int]]:
        return []

    def open(self) -> Sequence[tuple[Alert, int]]:
        ended = {alert.alert_id for alert in self.alerts if alert.state == "resolved"}
        return [(alert, 0) for alert in self.alerts if alert.alert_id not in ended]

    def kept(self, notifier: str, ended_since_ms: int) -> Sequence[Alert]:
        if self.is_away:
            raise TimeoutError
        told = self._told(notifier, KEPT)
        return [alert for alert, _ in self.open() if key_of(alert) in told]

    def duties(self, targets: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Duty]:
        return {target: Duty("working") for target in targets}

    def record(self, attempts: Sequence[Attempt]) -> None:
        self.attempts += attempts

    def outcomes(self, notifier: str) -> list[tuple[int, str, str]]:
        return [(one.key[2], one.outcome, one.reason) for one in self.attempts if one.notifier == notifier]


class Consumer:
    """Owns the only partition of the topic."""

    def __init__(self) -> None:
        self.committed = 0

    def assignment(self) -> set[TP]:
        return {TP(ALERTS, 0)}

    async def commit_exact(self, offsets: Mapping[TP, int], generation: int) -> bool:
        self.committed = offsets[TP(ALERTS, 0)]
        return True


class Refusals:
    def store(self, refused: Sequence[Refused]) -> None:
        assert not refused


class Stage:
    """One deliver agent, its table and its receiver."""

    def __init__(self, door: Door) -> None:
        self.door, self.memory, self.consumer = door, Memory(), Consumer()
        self.app: Any = SimpleNamespace(
            consumer_generation_id=1, rebalancing=False, rebalancing_count=0, should_stop=False, consumer=self.consumer
        )
        self.is_topic_there = True

    def run(self, story: Callable[[DeliverWorker], Awaitable[None]], *, repost_s: float = 60.0) -> None:
        asyncio.run(self._run(story, repost_s))

    async def _run(self, story: Callable[[DeliverWorker], Awaitable[None]], repost_s: float) -> None:
        config = NotifyConfig(alertmanager_url=self.door.url, installation="here", repost_s=repost_s)
        notifiers: dict[str, Any] = dict(build_notifiers(config))
        for member in notifiers["alertmanager"]._poster._members:
            member._attempt_s = 0.5
        worker = DeliverWorker(
            self.app, notifiers, self.memory, Refusals(), partitions=1, is_topic_there=lambda: self.is_topic_there
        )
        running = asyncio.create_task(worker.run())
        try:
            await story(worker)
        finally:
            self.app.should_stop = True
            await running

    async def publish(self, worker: DeliverWorker, *alerts: Alert) -> None:
        first = len(self.memory.alerts)
        self.memory.alerts += alerts
        values = [encode_json(alert) for alert in alerts]
        stamps = [alert.at_ms for alert in alerts]
        await worker.take(Chunk(ALERTS, 0, 1, first, values, stamps))

    def posts(self, name: str) -> list[dict[str, Any]]:
        return [one for body in self.door.bodies() for one in body if one["labels"]["alertname"] == name]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(outbox, "FIRST_PAUSE_MS", 20)
    monkeypatch.setattr(outbox, "LONGEST_PAUSE_MS", 200)
    monkeypatch.setattr(deliver, "LOOK_S", 0.02)
    with running_door() as door:
        door.spare = b"XpulseAlive"
        yield Stage(door)


async def until(is_done: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(wait_until, is_done, what, within_s=20)


def test_a_receiver_that_fails_is_busy_resets_and_hangs_loses_nothing_and_order_is_kept(stage: Stage) -> None:
    firing, resolved = (notice.alert for notice in episode("mail"))
    stage.door.manners = ["fail", "busy", "reset", "hang", "take", "fail", "take"]

    async def story(worker: DeliverWorker) -> None:
        await stage.publish(worker, firing, resolved)
        assert stage.consumer.committed == 0
        await until(lambda: stage.consumer.committed == 2, "the end of the deliveries")

    stage.run(story)
    assert [(sequence, outcome) for sequence, outcome, _ in stage.memory.outcomes("alertmanager")] == [
        *[(0, "retry")] * 4, (0, "delivered"), (1, "retry"), (1, "delivered"),
    ]  # fmt: skip
    assert [outcome for _, outcome, _ in stage.memory.outcomes("log")] == ["delivered", "delivered"]
    assert {one["labels"]["hours"] for one in stage.posts("ExperienceDrift")} == {"working"}


def test_what_is_refused_for_good_is_said_and_holds_up_nothing(stage: Stage) -> None:
    stage.door.manners = ["refuse"]

    async def story(worker: DeliverWorker) -> None:
        await stage.publish(worker, *(notice.alert for notice in episode("mail")))
        await until(lambda: stage.consumer.committed == 2, "the end of the deliveries")

    stage.run(story)
    assert stage.memory.outcomes("alertmanager") == [
        (0, "refused", "alertmanager 127.0.0.1: HTTP 400"),
        (1, "delivered", ""),
    ]


def test_a_receiver_that_asks_for_a_rest_gets_it_for_all_alerts(stage: Stage) -> None:
    stage.door.manners, stage.door.retry_after = ["busy"], "1"
    times: list[float] = []

    async def story(worker: DeliverWorker) -> None:
        clock = asyncio.get_running_loop().time
        await stage.publish(worker, episode("mail")[0].alert, episode("vpn")[0].alert)
        for count in (1, 2, 3):
            await until(lambda: len(stage.posts("ExperienceDrift")) >= count, "the next post")  # noqa: B023 - awaited here
            times.append(clock())

    stage.run(story)
    assert times[1] - times[0] >= 0.9
    assert len(stage.posts("ExperienceDrift")) == 3


def test_what_fires_is_told_again_without_a_record_and_after_a_restart(stage: Stage) -> None:
    firing, resolved = (notice.alert for notice in episode("mail"))

    async def first(worker: DeliverWorker) -> None:
        await stage.publish(worker, firing)
        await until(lambda: len(stage.posts("ExperienceDrift")) >= 4, "repetitions")

    async def second(worker: DeliverWorker) -> None:
        await until(lambda: len(stage.posts("ExperienceDrift")) >= before + 2, "repetitions after a restart")
        await stage.publish(worker, resolved)
        await until(lambda: len(stage.memory.outcomes("alertmanager")) == 2, "the end")
        ended = len(stage.posts("ExperienceDrift"))
        alive = len(stage.posts("XpulseAlive"))
        await until(lambda: len(stage.posts("XpulseAlive")) >= alive + 2, "another round")
        assert len(stage.posts("ExperienceDrift")) == ended

    stage.run(first, repost_s=0.05)
    before = len(stage.posts("ExperienceDrift"))
    stage.app.should_stop = False
    stage.run(second, repost_s=0.05)
    assert [(sequence, outcome) for sequence, outcome, _ in stage.memory.outcomes("alertmanager")] == [
        (0, "delivered"), (1, "delivered"),
    ]  # fmt: skip


def test_an_alert_that_fired_before_there_was_an_alertmanager_is_told(stage: Stage) -> None:
    stage.memory.alerts = [FIRING]

    async def story(worker: DeliverWorker) -> None:
        await until(lambda: len(stage.posts("ExperienceDrift")) >= 1, "the old alert")
        await until(lambda: bool(stage.memory.attempts), "its record")

    stage.run(story)
    assert stage.memory.outcomes("alertmanager") == [(0, "delivered", "")]
    assert stage.memory.outcomes("log") == []


def test_the_sign_of_life_stops_when_the_table_or_the_topic_cannot_be_read(stage: Stage) -> None:
    firing, _ = episode("mail")

    def rounds() -> int:
        return len(stage.posts("ExperienceDrift"))

    async def silent(alive: int, rounds_before: int) -> None:
        await until(lambda: rounds() >= rounds_before + 3, "rounds without a sign of life")
        assert len(stage.posts("XpulseAlive")) <= alive + 1  # one may have been on its way

    async def story(worker: DeliverWorker) -> None:
        await stage.publish(worker, firing.alert)
        await until(lambda: rounds() >= 2 and len(stage.posts("XpulseAlive")) >= 2, "signs of life")
        stage.memory.is_away = True
        await silent(len(stage.posts("XpulseAlive")), rounds())
        stage.memory.is_away, alive = False, len(stage.posts("XpulseAlive"))
        await until(lambda: len(stage.posts("XpulseAlive")) >= alive + 2, "the sign of life again")
        stage.is_topic_there = False
        await silent(len(stage.posts("XpulseAlive")), rounds())

    stage.run(story, repost_s=0.05)
    (labels,) = {tuple(sorted(one["labels"].items())) for one in stage.posts("XpulseAlive")}
    assert ("installation", "here") in labels


def test_what_may_call_nobody_is_on_record_only_and_its_end_is_told_to_whom_was_told(stage: Stage) -> None:
    firing, resolved = (notice.alert for notice in episode("mail"))
    replayed = msgspec.structs.replace(firing, alert_id="old", calls="replayed")
    replayed_end = msgspec.structs.replace(resolved, alert_id="old", calls="replayed")
    update = msgspec.structs.replace(firing, sequence=1, calls="inhibited", inhibited_by="parent")
    end = msgspec.structs.replace(resolved, sequence=2, calls="inhibited", inhibited_by="parent")

    async def first(worker: DeliverWorker) -> None:
        await stage.publish(worker, replayed, replayed_end, firing, update)
        await until(lambda: stage.consumer.committed == 4, "four states")

    async def second(worker: DeliverWorker) -> None:
        await stage.publish(worker, end)
        await until(lambda: stage.consumer.committed == 5, "the end")

    stage.run(first)
    stage.app.should_stop = False
    stage.run(second)
    told = {one.key[1:]: (one.outcome, one.reason) for one in stage.memory.attempts if one.notifier == "alertmanager"}
    assert told == {
        ("old", 0): ("withheld", "replayed"),
        ("old", 1): ("withheld", "replayed"),
        (firing.alert_id, 0): ("delivered", ""),
        (firing.alert_id, 1): ("withheld", "inhibited parent"),
        (firing.alert_id, 2): ("delivered", ""),
    }
    assert [one.outcome for one in stage.memory.attempts if one.notifier == "log"] == ["delivered"] * 5


@pytest.mark.parametrize("seed", range(3))
def test_whatever_fails_everything_arrives_once_on_record_and_in_order_over_restarts(stage: Stage, seed: int) -> None:
    random = Random(seed)
    stories = [[notice.alert for notice in episode(f"target-{number}")] for number in range(12)]
    waiting = [alert for alert, _ in stories] + [alert for _, alert in stories]
    manners: list[Manner] = ["take", "take", "fail", "busy", "reset"]
    stage.door.manners = random.choices(manners, k=60)

    async def part(worker: DeliverWorker, alerts: Sequence[Alert]) -> None:
        stage.memory.alerts += alerts
        unread = stage.memory.alerts[stage.consumer.committed :]  # whoever starts reads again what was not committed
        values, stamps = [encode_json(alert) for alert in unread], [alert.at_ms for alert in unread]
        await worker.take(Chunk(ALERTS, 0, 1, stage.consumer.committed, values, stamps))
        await asyncio.sleep(random.random() / 5)  # stopped anywhere
        if len(stage.memory.alerts) == len(waiting):
            await until(lambda: stage.consumer.committed == len(waiting), "the end of the deliveries")

    for first in range(0, len(waiting), 8):
        alerts = waiting[first : first + 8]
        stage.run(lambda worker, alerts=alerts: part(worker, alerts))  # type: ignore[misc]
        stage.app.should_stop = False
    told = [one for one in stage.memory.attempts if one.notifier == "alertmanager" and one.outcome != "retry"]
    settled = [one.key for one in told]
    assert {one.outcome for one in told} == {"delivered"}
    assert sorted(settled) == sorted(map(key_of, waiting))
    for alert, end in stories:
        assert settled.index(key_of(alert)) < settled.index(key_of(end))
