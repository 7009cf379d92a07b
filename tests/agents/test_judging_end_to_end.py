"""Judge and delivery as real processes: topic to ledger to alert to receiver, killed on the way."""

import asyncio
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from agents.publisher import Publisher
from agents.settings import Settings
from agents.target_ledger import TargetLedger, publish, republish, retire
from agents.topics import ALERTS, TARGETS, ensure_topics
from agents.warehouse.client import Address, Warehouse
from streams.events.judging import Target
from streams.scores import Counts
from streams.targets import Stamp
from tests.agents.judged_world import T0, ClickHouseWorld, MemoryWorld, end
from tests.agents.local.services import wait_until
from tests.agents.receivers import Receiver, running_receiver
from tests.agents.test_judge import NORWAY, Wire, run_rounds, worker_of

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(240),
]  # two joins of a consumer group each, on a busy machine

FINE, BAD = Counts(promoters=5), Counts(detractors=5)
_tenants = (f"end-to-end-{number}" for number in itertools.count(1))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as server:
        yield server


class Stage:
    """One tenant, its world, and the process that judges it."""

    def __init__(self, broker: str, address: Address, store: Warehouse, folder: Path, receiver: Receiver) -> None:
        self.tenant = next(_tenants)
        self.target = msgspec.structs.replace(NORWAY, tenant=self.tenant)
        self.world, self.whole = ClickHouseWorld(store), MemoryWorld()
        self.store, self.folder, self._broker = store, folder, broker
        password = folder / "password"
        password.write_text(address.password)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("XPULSE_")},
            **Settings(
                brokers=broker,
                group_prefix=self.tenant,
                clickhouse_host=address.host,
                clickhouse_port=address.port,
                clickhouse_database=address.database,
                clickhouse_password_file=str(password),
                data_dir=str(folder),
                webhook_url=receiver.url,
            ).environment(),
        }
        ensure_topics(broker, {TARGETS: 1, ALERTS: 1})

    @contextmanager
    def process(self) -> Iterator[subprocess.Popen[bytes]]:
        log = self.folder / "worker.log"
        command = [sys.executable, "-m", "tests.agents.judging_process"]
        with log.open("ab") as out, subprocess.Popen(command, stdout=out, stderr=out, env=self._environment) as process:
            try:
                yield process
            finally:
                process.terminate()
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()

    def with_publisher(self, work: Callable[[TargetLedger, Publisher], object]) -> None:
        async def run() -> None:
            publisher = Publisher(self._broker)
            try:
                await work(TargetLedger(self.store), publisher)  # type: ignore[misc]
            finally:
                publisher.close()

        asyncio.run(run())

    def publish(self, numbers: range, counts: Counts) -> None:
        for number in numbers:
            for world in (self.world, self.whole):
                world.release(self.tenant, number, [({"country": "NO"}, counts), ({"country": "NO"}, counts)])

    def has_judged(self, number: int) -> bool:
        return end(number) in {verdict.at_ms for verdict in self.world.verdicts()}

    def revocations(self) -> int:
        """Return how often a running worker lost targets that it had read."""
        return len(re.findall("targets_dropped count=[1-9]", (self.folder / "worker.log").read_text()))

    def states_taken(self, receiver: Receiver) -> list[str]:
        return [body["status"] for body in receiver.taken if body["groupLabels"]["tenant"] == self.tenant]


@pytest.fixture
def stage(broker: str, migrated: Address, store: Warehouse, tmp_path: Path, receiver: Receiver) -> Stage:
    return Stage(broker, migrated, store, tmp_path, receiver)


def test_from_a_target_on_its_topic_to_the_receiver_with_kills_on_the_way(stage: Stage, receiver: Receiver) -> None:
    stage.with_publisher(lambda ledger, publisher: publish(ledger, publisher, [stage.target]))
    stage.publish(range(1, 6), FINE)
    with stage.process() as process:
        wait_until(lambda: stage.has_judged(5), "the first verdicts")
        stage.publish(range(6, 12), BAD)
        wait_until(lambda: stage.states_taken(receiver) == ["firing"], "the firing notice")
        process.kill()
    stage.publish(range(12, 41), FINE)
    with stage.process() as process:
        wait_until(lambda: stage.has_judged(40), "the ledger after the kill")
        wait_until(lambda: "resolved" in stage.states_taken(receiver), "the resolved notice")
        wait_until(lambda: attempts(stage) == {("log", 0), ("log", 1), ("webhook", 0), ("webhook", 1)}, "the records")
    # Killed between sending and recording, the first notice comes once more, with the same key.
    assert stage.states_taken(receiver) in (["firing", "resolved"], ["firing", "firing", "resolved"])
    ours = [body for body in receiver.taken if body["groupLabels"]["tenant"] == stage.tenant]
    assert len({body["alerts"][0]["fingerprint"] for body in ours}) == 1
    alone = worker_of(stage.whole, Wire(), stage.target)
    run_rounds(alone)
    assert stage.world.verdicts() == stage.whole.verdicts()
    assert stage.world.alerts() == stage.whole.alerts()


def attempts(stage: Stage) -> set[tuple[str, int]]:
    asked = "SELECT notifier, sequence FROM deliveries WHERE tenant = {tenant:String} AND outcome = 'delivered'"
    return {(notifier, sequence) for notifier, sequence in stage.store.ask(asked, {"tenant": stage.tenant})}


def outcomes(stage: Stage) -> list[str]:
    asked = (
        "SELECT concat(outcome, ' ', reason) FROM deliveries "
        "WHERE tenant = {tenant:String} AND notifier = 'webhook' ORDER BY at"
    )
    return [str(outcome) for (outcome,) in stage.store.ask(asked, {"tenant": stage.tenant})]


def test_a_receiver_that_fails_and_hangs_loses_nothing_and_holds_up_nobody(stage: Stage, receiver: Receiver) -> None:
    receiver.status = 500
    stage.with_publisher(lambda ledger, publisher: publish(ledger, publisher, [stage.target]))
    stage.publish(range(1, 8), BAD)
    with stage.process() as process:
        wait_until(lambda: len(outcomes(stage)) >= 2, "two failed attempts")
        wait_until(lambda: ("log", 0) in attempts(stage), "the log")
        receiver.status = 0
        posted = len(receiver.posted)
        wait_until(lambda: len(receiver.posted) > posted, "an attempt that hangs")
        process.kill()
    receiver.status = 200
    with stage.process():
        wait_until(lambda: ("webhook", 0) in attempts(stage), "the notice after the restart")
    assert stage.states_taken(receiver) == ["firing"]
    found = outcomes(stage)
    assert found[-1] == "delivered "
    assert set(found[:-1]) <= {"retry webhook 127.0.0.1: HTTP 500", "retry webhook 127.0.0.1: no answer in time"}


def test_what_was_delivered_is_not_delivered_again(stage: Stage, receiver: Receiver) -> None:
    stage.with_publisher(lambda ledger, publisher: publish(ledger, publisher, [stage.target]))
    stage.publish(range(1, 8), BAD)
    with stage.process():
        wait_until(lambda: len(attempts(stage)) == 2, "the delivery")
    stage.publish(range(8, 38), FINE)
    with stage.process():
        wait_until(lambda: len(attempts(stage)) == 4, "the next delivery")
    assert stage.states_taken(receiver) == ["firing", "resolved"]


def test_an_alert_that_the_topic_lost_is_taken_from_the_table(stage: Stage, receiver: Receiver) -> None:
    run_rounds(worker_of(stage.whole, Wire(), stage.target))
    stage.publish(range(1, 8), BAD)
    run_rounds(worker_of(stage.world.port, Wire(), stage.target))  # published to a wire that forgets
    with stage.process():
        wait_until(lambda: len(attempts(stage)) == 2, "the delivery")
    assert stage.states_taken(receiver) == ["firing"]


def test_targets_are_published_republished_and_retired(stage: Stage) -> None:
    stamp = Stamp(valid_from_ms=T0 + 1, recorded_at_ms=T0 + 2, author="a", reason="over")
    harder = msgspec.structs.replace(stage.target, objective=70.0)
    ledger = TargetLedger(stage.store)

    def versions() -> list[tuple[int, str]]:
        return [(target.version, target.state) for target in ledger.everything(T0 + 3)]

    stage.with_publisher(lambda ledger, publisher: publish(ledger, publisher, [stage.target]))
    stage.with_publisher(lambda ledger, publisher: publish(ledger, publisher, [stage.target]))
    assert versions() == [(1, "active")]
    stage.with_publisher(lambda ledger, publisher: publish(ledger, publisher, [harder]))
    assert versions() == [(1, "active"), (2, "active")]
    assert ledger.newest(stage.tenant)[stage.target.target].objective == 70.0
    stage.with_publisher(republish)
    stage.with_publisher(lambda ledger, publisher: retire(ledger, publisher, stage.tenant, stamp))
    assert versions() == []
    assert [target.version for target in ledger.everything(T0 + 2)] == [1, 2, 3]
    newest: Target = ledger.newest(stage.tenant)[stage.target.target]
    assert (newest.version, newest.state, newest.reason) == (3, "retired", "over")


def test_a_second_worker_may_join_and_die(stage: Stage, receiver: Receiver) -> None:
    """Each rebalance takes the targets away and gives them back: they are read again from the beginning."""
    stage.with_publisher(lambda ledger, publisher: publish(ledger, publisher, [stage.target]))
    stage.publish(range(1, 4), FINE)
    with stage.process():
        wait_until(lambda: stage.has_judged(3), "the first verdicts")
        with stage.process() as second:
            wait_until(lambda: stage.revocations() >= 1, "the rebalance")
            stage.publish(range(4, 7), FINE)
            wait_until(lambda: stage.has_judged(6), "verdicts with two workers")
            second.kill()
        stage.publish(range(7, 12), BAD)
        wait_until(lambda: stage.has_judged(11), "verdicts after the second worker died")
        wait_until(lambda: stage.states_taken(receiver) == ["firing"], "the notice")
    run_rounds(worker_of(stage.whole, Wire(), stage.target))
    assert stage.world.verdicts() == stage.whole.verdicts()
    assert stage.world.alerts() == stage.whole.alerts()
