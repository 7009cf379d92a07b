"""Old data is recorded and calls nobody; what still matters calls as soon as the present is reached."""

from typing import Any

import msgspec
import pytest

from agents import judge
from agents.judge_replay import REPLAY_AFTER_MS, doubtful, marked, without_mix
from streams.events.judging import Alert
from tests.agents.judged_world import MemoryWorld, end
from tests.agents.test_judge import MAIL, NORWAY, Wire, publish, run_rounds, worker_of
from tests.streams.alerting import ALERT

LATE_MS = end(40) + REPLAY_AFTER_MS


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    class Clock:
        now_ms = end(40)

        def time(self) -> float:
            return self.now_ms / 1000

        def monotonic(self) -> float:
            return self.now_ms / 1000

    some = Clock()
    monkeypatch.setattr(judge, "time", some)
    return some


def state_of(alert: Alert) -> tuple[str, str]:
    return alert.state, alert.calls


def test_episodes_of_old_data_are_recorded_and_call_nobody(clock: Any) -> None:
    clock.now_ms = LATE_MS + end(40) - end(0)
    world, wire = MemoryWorld(), Wire()
    for number in range(1, 31):
        publish(world, number)
    run_rounds(worker_of(world, wire, NORWAY, MAIL))
    assert {alert.target for alert in wire.alerts} == {NORWAY.target, MAIL.target}
    assert {state_of(alert) for alert in wire.alerts} == {("firing", "replayed"), ("resolved", "replayed")}
    assert world.alerts() == sorted(wire.alerts, key=lambda alert: (alert.alert_id, alert.sequence))


def test_a_replay_differs_in_nothing_but_whom_it_calls(clock: Any) -> None:
    live, late = MemoryWorld(), MemoryWorld()
    for number in range(1, 31):
        publish(live, number)
        publish(late, number)
    run_rounds(worker_of(live, Wire()))
    clock.now_ms = 2 * LATE_MS
    run_rounds(worker_of(late, Wire()))
    assert live.verdicts() == late.verdicts()
    assert live.alerts() == [msgspec.structs.replace(alert, calls="yes") for alert in late.alerts()]
    assert {alert.calls for alert in live.alerts()} == {"yes"}


def test_the_end_of_what_somebody_was_called_for_is_told_however_late(clock: Any) -> None:
    world, wire = MemoryWorld(), Wire()
    for number in range(1, 9):
        publish(world, number)
    run_rounds(worker_of(world, wire, NORWAY))
    for number in range(9, 31):
        publish(world, number)
    clock.now_ms = LATE_MS + end(40) - end(0)
    run_rounds(worker_of(world, wire, NORWAY))
    assert [state_of(alert) for alert in wire.alerts] == [("firing", "yes"), ("resolved", "yes")]


def test_what_goes_on_calls_once_when_the_present_is_reached(clock: Any) -> None:
    world, wire = MemoryWorld(), Wire()
    for number in range(1, 9):
        publish(world, number)
    clock.now_ms = end(8) + REPLAY_AFTER_MS + 1
    worker = worker_of(world, wire, NORWAY)
    run_rounds(worker)
    assert [state_of(alert) for alert in wire.alerts] == [("firing", "replayed")]
    publish(world, 11)  # bad still, and new
    for _ in range(3):
        run_rounds(worker)
    assert [state_of(alert) for alert in wire.alerts] == [("firing", "replayed"), ("firing", "yes")]
    assert len({(alert.alert_id, alert.sequence) for alert in wire.alerts}) == 1
    run_rounds(worker_of(world, wire, NORWAY))  # somebody new does not call again
    assert len(wire.alerts) == 2


def test_a_repeated_round_keeps_what_was_told() -> None:
    old = msgspec.structs.replace(ALERT, started_at_ms=1_000, at_ms=1_000)
    now_ms = 2_000 + REPLAY_AFTER_MS
    assert [one.calls for one in marked([old], {(old.tenant, old.alert_id)}, now_ms)] == ["yes"]
    assert [one.calls for one in marked([old], set(), now_ms)] == ["replayed"]


def test_what_another_alert_explains_stays_explained() -> None:
    explained = msgspec.structs.replace(ALERT, calls="inhibited", inhibited_by="a", started_at_ms=0, at_ms=0)
    assert marked([explained], set(), 10**12) == [explained]


MIX = msgspec.structs.replace(ALERT, is_mix=True)
END = msgspec.structs.replace(ALERT, state="resolved", sequence=1, at_ms=ALERT.at_ms + 60_000)


def test_a_drift_of_mix_calls_nobody_and_neither_does_its_end() -> None:
    now_ms = END.at_ms
    assert [one.calls for one in without_mix([MIX, END])] == ["mix", "mix"]
    assert [one.calls for one in without_mix([ALERT, END])] == ["yes", "yes"]
    assert doubtful([MIX], now_ms) == set()
    assert doubtful([END], now_ms) == {(END.tenant, END.alert_id)}
    assert [one.calls for one in marked([END], set(), now_ms)] == ["mix"]
    assert [one.calls for one in marked([END], {(END.tenant, END.alert_id)}, now_ms)] == ["yes"]


def test_a_period_that_is_missed_by_mix_is_missed_all_the_same() -> None:
    slow = msgspec.structs.replace(MIX, kind="slow_burn")
    assert without_mix([slow]) == [slow]


def test_a_watermelon_of_mix_calls_nobody_if_people_were_content_before() -> None:
    content = msgspec.structs.replace(MIX, kind="watermelon", usual=MIX.objective)
    assert [one.calls for one in without_mix([content])] == ["mix"]
    for usual in (None, MIX.objective - 0.1):
        chronic = msgspec.structs.replace(content, usual=usual)
        assert without_mix([chronic]) == [chronic]
    assert [one.calls for one in without_mix([msgspec.structs.replace(content, is_mix=False)])] == ["yes"]


def test_an_update_that_is_more_than_mix_calls() -> None:
    update = msgspec.structs.replace(ALERT, sequence=1, at_ms=END.at_ms)
    (found,) = without_mix(marked([update], set(), END.at_ms))
    assert found.calls == "yes"
