"""A lane that does not move calls once, with an id that every judge finds, and ends when it moves."""

from agents.judge_stall import TENANT, Stalls
from streams.codecs import Ok, decode, encode_json

AT = 1_780_000_000_000


def test_a_lane_that_moves_calls_nobody() -> None:
    stalls = Stalls(120.0)
    assert [stalls.look({"telemetry": AT + second}, float(second)) for second in range(1_000)] == [[]] * 1_000


def test_a_lane_that_stands_still_calls_once_and_ends_once() -> None:
    stalls = Stalls(120.0)
    found = [stalls.look({"telemetry": AT, "records": AT + second}, float(second)) for second in range(300)]
    ((fired,),) = [some for some in found if some]
    assert [bool(some) for some in found].index(True) == 120
    assert (fired.tenant, fired.target, fired.state) == (TENANT, "pipeline/telemetry", "firing")
    assert (fired.severity, fired.kind, fired.calls, fired.started_at_ms) == ("critical", "stall", "yes", AT)
    (ended,) = stalls.look({"telemetry": AT + 5_000}, 300.0)
    assert (ended.alert_id, ended.state, ended.sequence, ended.at_ms) == (fired.alert_id, "resolved", 1, AT + 5_000)
    assert stalls.look({"telemetry": AT + 6_000}, 301.0) == []
    assert [decode(encode_json(one)) for one in (fired, ended)] == [Ok(fired), Ok(ended)]


def test_a_lane_that_never_said_anything_is_not_missed() -> None:
    assert Stalls(120.0).look({}, 1e9) == []


def test_another_judge_finds_the_same_stall_and_a_successor_ends_it() -> None:
    one, other = Stalls(120.0), Stalls(120.0)
    one.look({"records": AT}, 0.0)
    other.look({"records": AT}, 40.0)
    fired = one.look({"records": AT}, 120.0)
    assert other.look({"records": AT}, 160.0) == fired
    heir = Stalls(120.0)
    heir.remember(fired)
    assert [heir.look({"records": AT}, float(second)) for second in range(500)] == [[]] * 500
    assert [alert.state for alert in heir.look({"records": AT + 1}, 500.0)] == ["resolved"]


def test_what_could_not_be_looked_at_has_not_stood_still() -> None:
    stalls = Stalls(120.0)
    stalls.look({"records": AT}, 0.0)
    stalls.forget()
    assert stalls.look({"records": AT}, 500.0) == []
    assert stalls.look({"records": AT}, 619.0) == []
    assert len(stalls.look({"records": AT}, 620.0)) == 1
