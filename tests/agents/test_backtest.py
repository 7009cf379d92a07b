"""A backtest sees what the judge would have seen: the same rounds, held on the past."""

import msgspec

from agents.backtest import Rewound, backtest, replay
from agents.judge_store import Closed
from streams.events.judging import Alert
from streams.plan.backtest import Label
from streams.scores import Counts
from tests.agents.judged_world import GRID, METRIC, T0, MemoryWorld, end
from tests.agents.test_judge import Wire, run_rounds, worker_of
from tests.streams.judged import GOOD, HAPPY

DESK = msgspec.structs.replace(HAPPY, run_length=500.0, recovery_length=100.0, valid_from_ms=T0, recorded_at_ms=T0)
FINE, BAD = Counts(promoters=4, neutrals=1), Counts(detractors=4, neutrals=1)


def story(world: MemoryWorld) -> None:
    """Forty good epochs, forty bad ones, forty good ones."""
    for number in range(1, 121):
        world.release("acme", number, [({"country": "NO"}, BAD if 40 < number <= 80 else FINE)] * 2)


def in_the_table(alert: Alert) -> tuple[str, str, int]:
    return alert.tenant, alert.alert_id, alert.sequence


def test_a_published_target_is_replayed_as_it_was_judged() -> None:
    world = MemoryWorld()
    story(world)
    run_rounds(worker_of(world.port, Wire(), DESK), times=3)
    replayed = replay([DESK], world.port, end(120), GRID)
    assert sorted(replayed.alerts, key=in_the_table) == world.alerts()
    assert [entry.verdict for entry in replayed.entries[DESK.target]] == world.verdicts()
    assert replayed.alerts


def test_nothing_is_written_and_nothing_later_is_seen() -> None:
    world = MemoryWorld()
    story(world)
    replayed = replay([DESK], world.port, end(60), GRID)
    assert replayed.entries[DESK.target][-1].verdict.at_ms == end(60)
    assert (world.alerts(), world.verdicts()) == ([], [])


def test_a_harder_promise_is_shown_beside_what_was_raised() -> None:
    world = MemoryWorld()
    story(world)
    run_rounds(worker_of(world.port, Wire(), DESK), times=3)
    harder = msgspec.structs.replace(DESK, run_length=50_000.0)
    labels = [Label(target="happiness-by-country", from_ms=end(41), until_ms=end(80))]
    found = backtest([harder], replay([harder], world.port, end(120), GRID), world.alerts(), end(120), labels)
    drifts = [pair for pair in found.pairs if pair.would and pair.was and pair.would.kind == "drift"]
    (pair,) = drifts
    assert pair.would is not None
    assert pair.was is not None
    assert pair.was.from_ms < pair.would.from_ms  # ten thousand times rarer, a little later
    assert found.scores["was"].found == found.scores["would"].found == 1
    assert (found.scores["was"].delay_ms or 0) < (found.scores["would"].delay_ms or 0)
    assert len(found.courses[0].points) == 120


def test_telemetry_is_replayed_up_to_the_end_and_not_beyond_what_is_closed() -> None:
    world = MemoryWorld()
    for number in range(1, 31):
        world.fold("acme", number, [({"application": "Mail"}, 10, 960, 1_000)])
    world.reach(25)
    mail = msgspec.structs.replace(GOOD, metric=METRIC, valid_from_ms=T0, recorded_at_ms=T0)
    for until, last in ((20, 20), (30, 25)):
        replayed = replay([mail], world.port, end(until), GRID)
        assert replayed.entries[mail.target][-1].verdict.at_ms == end(last)


def test_the_past_has_no_states_and_ends_where_it_is_told() -> None:
    world = MemoryWorld()
    past = Rewound(world.port, end(3))
    assert (past.closed(), past.epochs({"acme": T0})) == (None, {})
    world.reach(9)
    closed = past.closed()
    assert isinstance(closed, Closed)
    assert closed.before_ms == end(3) + 1
    assert past.states({"acme"}) == {}
