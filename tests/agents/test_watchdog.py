"""When the watchdog complains; time is an argument, so hardly anything waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from agents import watchdog
from agents.watchdog import Patience, Progress, Watchdog
from tests.kafka.topics import Topics


def at(position: int, *, is_waiting: bool = False) -> Progress:
    return Progress(positions={0: position}, is_waiting=is_waiting)


NOTHING = Progress(positions=None, is_waiting=False)
SPARE = Progress(positions={}, is_waiting=False)


def test_input_without_progress_is_complained_about_after_a_minute() -> None:
    patience = Patience(limit_s=60.0)
    assert patience.complaint(at(10), {0: 20}, 0.0) is None
    assert patience.complaint(at(10), {0: 20}, 59.0) is None
    assert patience.complaint(at(10), {0: 20}, 60.0) == "partition 0 has input and no progress"


def test_progress_resets_the_clock() -> None:
    patience = Patience(limit_s=60.0)
    for second in range(0, 600, 30):
        assert patience.complaint(at(second), {0: 10_000}, float(second)) is None


def test_a_partition_without_input_may_stand_still() -> None:
    patience = Patience(limit_s=60.0)
    assert all(patience.complaint(at(10), {0: 10}, float(second)) is None for second in range(0, 600, 30))
    assert patience.complaint(at(10), {0: 11}, 600.0) is None
    assert patience.complaint(at(10), {0: 11}, 631.0) is not None


def test_nobody_is_blamed_while_the_end_of_the_log_is_unknown() -> None:
    patience = Patience(limit_s=60.0)
    assert all(patience.complaint(at(10), {}, float(second)) is None for second in range(0, 600, 30))


def test_waiting_for_the_warehouse_is_no_stall() -> None:
    patience = Patience(limit_s=60.0)
    assert patience.complaint(at(10), {0: 20}, 0.0) is None
    assert patience.complaint(at(10, is_waiting=True), {0: 20}, 90.0) is None
    assert patience.complaint(at(10), {0: 20}, 100.0) is None


def test_a_worker_whose_group_does_not_answer_is_ended_after_a_minute() -> None:
    patience = Patience(limit_s=60.0)
    assert patience.complaint(NOTHING, {}, 0.0) is None
    assert patience.complaint(NOTHING, {}, 61.0) == "no assignment for 61 s"


def test_a_worker_to_which_the_group_gave_nothing_waits_in_peace() -> None:
    patience = Patience(limit_s=60.0)
    assert all(patience.complaint(SPARE, {}, float(second)) is None for second in range(0, 600, 30))
    assert patience.complaint(NOTHING, {}, 600.0) is None
    assert patience.complaint(NOTHING, {}, 629.0) is None, "the clock runs from when it was last settled"
    assert patience.complaint(NOTHING, {}, 661.0) == "no assignment for 61 s"


def test_an_assignment_in_between_resets_that_clock() -> None:
    patience = Patience(limit_s=60.0)
    assert patience.complaint(NOTHING, {}, 0.0) is None
    assert patience.complaint(at(1), {0: 1}, 30.0) is None
    assert patience.complaint(NOTHING, {}, 40.0) is None
    assert patience.complaint(NOTHING, {}, 99.0) is None


@pytest.mark.integration
def test_it_asks_the_cluster_and_ends_who_stands_still(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "LOOK_EVERY_S", 0.1)
    topics, ended = Topics(broker), threading.Event()
    topic = topics.new(1)
    fill(broker, topic)
    Watchdog(broker, topic, lambda: at(0), patience=Patience(limit_s=0.3), end=ended.set).start()
    assert ended.wait(20)


@pytest.mark.integration
def test_a_look_that_fails_is_not_the_last_one(broker: str, caplog: pytest.LogCaptureFixture) -> None:
    topic = Topics(broker).new(1)
    fill(broker, topic)
    answers: Iterator[Progress | Exception] = iter(
        [RuntimeError("dictionary changed size during iteration"), at(0), at(0)]
    )

    def progress() -> Progress:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    dog = Watchdog(broker, topic, progress, patience=Patience(limit_s=0.0))
    assert dog.look() is None
    assert "watchdog_failed" in caplog.text
    assert dog.look() == "partition 0 has input and no progress"


def fill(broker: str, topic: str) -> None:
    producer = Producer({"bootstrap.servers": broker})
    for _ in range(3):  # one batch each: the embedded broker tells of an end only up to its last batch
        producer.produce(topic, b"x", partition=0)
        assert producer.flush(20) == 0
