"""The acceptance tests of the release rule, each with the broken rule that it must catch; short versions.

`make attack` is the long version of the attack and of the price. Conservation, replay, erasure and closed doors are
also tested where they live: on the warehouse, with processes that die at each write (`tests/agents`).
"""

from collections import Counter
from dataclasses import replace

import numpy as np
import orjson
import pytest

from streams.details import Details
from tests.attack.attackers import forced, linear, unanimous
from tests.attack.figures import Published, rows
from tests.attack.inviting import COHORT_RULE, Invitations, cohort_rows, counted, make_invitations, rates
from tests.attack.mutants import (
    by_newest_record,
    displayed,
    fallen,
    inner_detector,
    rebuilt,
    reissued,
    reissued_rate,
    two_categories,
)
from tests.attack.price import price_of
from tests.attack.publishing import RULE, Released, block_rows, bundle_rows, bundled, everything, pieces, released
from tests.attack.run import all_figures
from tests.attack.traffic import DAY_MS, START_MS, Traffic, make_traffic

HOUR_MS = 3_600_000
SMALL = make_traffic(per_day=60, days=14, seed=5)
MIDDLE = fallen(make_traffic(per_day=120, days=3, seed=5), from_ms=START_MS + 2 * DAY_MS)
INVITED = make_invitations(MIDDLE, seed=9)
INSTANTS_MS = tuple(START_MS + hour * HOUR_MS for hour in (35, 58, 62))


@pytest.fixture(scope="module")
def small() -> list[Released]:
    return released(SMALL.answers())


@pytest.fixture(scope="module")
def middle() -> list[Released]:
    return released(MIDDLE.answers())


def members(blocks: list[Released]) -> list[list[int]]:
    return [list(row.members) for row in block_rows(blocks)]


def swapped(traffic: Traffic, sets: list[list[int]], *, seed: int) -> Traffic:
    """Exchange complete value records within each set."""
    random = np.random.default_rng(seed)
    order = np.arange(len(traffic))
    for some in sets:
        order[some] = random.permutation(some)
    return traffic.with_values_of(order)


def told_apart(traffic: Traffic) -> int:
    """Return how many of the answers that swapping may move tell details, so that a swap can be seen at all."""
    return int(((traffic.lost >= 0) | (traffic.factor >= 0)).sum())


def test_1_swapping_records_inside_blocks_changes_nothing(middle: list[Released]) -> None:
    # Who tells lost minutes, and how many people of a bundle do, is part of presence: whoever swaps keeps it.
    same = replace(MIDDLE, lost=np.where(MIDDLE.lost < 0, 0, MIDDLE.lost), factor=np.maximum(MIDDLE.factor, 0))
    other = swapped(same, members(middle), seed=1)
    assert (other.score != same.score).sum() > len(same) / 5
    assert told_apart(same) == len(same)
    assert everything(other) == everything(same)
    beyond = swapped(same, [[one for some in members(middle)[:2] for one in some]], seed=2)
    assert everything(beyond) != everything(same)


def other_outcomes(sets: list[list[int]]) -> Invitations:
    """Exchange what became of invitations within each set."""
    order = np.arange(len(INVITED))
    for some in sets:
        order[some] = some[::-1]
    return INVITED.with_outcomes_of(order)


def test_1_swapping_outcomes_inside_cohorts_changes_nothing() -> None:
    sets = [list(row.members) for row in cohort_rows(counted(INVITED))]
    assert len(sets) >= 4
    other = other_outcomes(sets)
    assert (other.outcome != INVITED.outcome).sum() > len(INVITED) / 5
    assert rates(other) == rates(INVITED)
    beyond = INVITED.with_outcomes_of(np.argsort(INVITED.after_ms, kind="stable"))
    assert rates(beyond) != rates(INVITED)
    assert orjson.dumps(rates(INVITED)[0]) in everything(MIDDLE, INVITED).splitlines()


def waiting_at(traffic: Traffic, blocks: list[Released], at_ms: int) -> list[int]:
    done = {number for row in block_rows(blocks) if row.epoch_ms <= at_ms for number in row.members}
    return [number for number in range(len(traffic)) if traffic.log_ms[number] <= at_ms and number not in done]


def flipped(traffic: Traffic, numbers: list[int]) -> Traffic:
    score = traffic.score.copy()
    score[numbers] = np.where(score[numbers] >= 7, 0, 10)
    return replace(traffic, score=score)


def test_2_flipping_waiting_answers_changes_nothing_until_their_epoch(middle: list[Released]) -> None:
    for at_ms in INSTANTS_MS:
        waiting = waiting_at(MIDDLE, middle, at_ms)
        assert len(waiting) > 20
        other = flipped(MIDDLE, waiting)
        assert everything(other, until_ms=at_ms) == everything(MIDDLE, until_ms=at_ms)
    assert everything(flipped(MIDDLE, [0])) != (now := everything(MIDDLE))
    assert b'"alert"' in now


def test_2_flipping_outcomes_of_waiting_invitations_changes_nothing_until_their_epoch() -> None:
    [first, *_] = counted(INVITED)
    waiting = INVITED.log_ms >= first.end_ms
    other = replace(INVITED, after_ms=np.where(waiting, 1_000, INVITED.after_ms))
    assert rates(other, until_ms=first.epoch_ms) == rates(INVITED, until_ms=first.epoch_ms)
    assert len(rates(INVITED, until_ms=first.epoch_ms)) == 1
    assert rates(other) != rates(INVITED)


def test_2_catches_a_detector_that_looks_at_waiting_answers(middle: list[Released]) -> None:
    found = []
    for at_ms in INSTANTS_MS:
        other = flipped(MIDDLE, waiting_at(MIDDLE, middle, at_ms))
        found.append(inner_detector(other, middle, until_ms=at_ms) != inner_detector(MIDDLE, middle, until_ms=at_ms))
    assert any(found)


def shape(blocks: list[Released]) -> list[tuple[object, ...]]:
    return [(row.epoch_ms, row.one.block, row.one.level, row.one.labels) for row in blocks]


def test_3_other_values_make_the_same_blocks_and_bundles(middle: list[Released]) -> None:
    random = np.random.default_rng(3)
    other = replace(MIDDLE, score=random.integers(0, 11, len(MIDDLE)))
    assert shape(released(other.answers())) == shape(middle)
    made = [bundled(pieces(middle, told_of(one))) for one in (MIDDLE, other)]
    assert [(row.epoch_ms, row.one.bundle) for row in made[0]] == [(row.epoch_ms, row.one.bundle) for row in made[1]]
    assert made[0]


def test_3_other_outcomes_make_the_same_cohorts_and_a_rule_by_the_newest_record_is_caught() -> None:
    other = other_outcomes([list(range(len(INVITED)))])
    assert counted(other) == counted(INVITED)
    spans = [
        [(one.start_ms, one.end_ms, len(one.members)) for one in by_newest_record(some)] for some in (other, INVITED)
    ]
    assert spans[0] != spans[1]


def told_of(traffic: Traffic) -> dict[str, Details]:
    return dict(zip((one.answer for one in traffic.answers()), traffic.told(), strict=True))


def test_3_catches_blocks_that_wait_for_two_categories() -> None:
    random = np.random.default_rng(3)
    other = replace(MIDDLE, score=random.integers(0, 11, len(MIDDLE)))
    assert shape(two_categories(other)) != shape(two_categories(MIDDLE))


@pytest.mark.parametrize(("traffic", "least"), [(SMALL, 120), (SMALL.first(2), 10)], ids=["two weeks", "two days"])
def test_4_nothing_is_solved_in_all_that_can_be_read(traffic: Traffic, least: int) -> None:
    blocks = released(traffic.answers())
    assert len(blocks) >= least
    published = block_rows(blocks)
    invited = make_invitations(traffic, seed=9)
    rated = cohort_rows(counted(invited), first=len(traffic))
    assert rated
    bundles = bundle_rows(bundled(pieces(blocks, told_of(traffic))), blocks)
    figures = all_figures(traffic, published, bundles, (invited, rated))
    said = np.concatenate((traffic.category, invited.outcome))
    found = linear(figures, len(said), RULE.k)
    assert (found.solved, found.groups_under_k) == ((), 0)
    assert found.least_atom >= RULE.k
    same = unanimous([np.array(row.members) for row in (*published, *rated)], said, len(said))
    known = forced(figures, len(said))
    assert known.any()
    assert not (known & ~same).any()


def test_4_solves_a_minimum_per_figure() -> None:
    week = make_traffic(per_day=200, days=7, seed=5)
    found = linear(displayed(week, every_ms=1), len(week), RULE.k)
    assert len(found.solved) > 0.7 * len(week)


def test_4_solves_a_rebuild_with_another_k(small: list[Released]) -> None:
    assert linear(rebuilt(SMALL, block_rows(small)), len(SMALL), RULE.k).solved


def test_4_solves_blocks_reissued_after_an_erasure(small: list[Released]) -> None:
    published = block_rows(small)
    gone = {row.members[0] for row in published}
    solved = set(linear(reissued(SMALL, published, seed=1), len(SMALL), RULE.k).solved)
    assert len(solved) == 50
    assert solved <= gone


def test_4_solves_a_response_rate_told_again_without_an_erased_person() -> None:
    assert linear(reissued_rate(INVITED), len(INVITED), RULE.k).solved == (0,)


def test_4_what_linear_algebra_solves_is_true() -> None:
    """The answers that a broken rule gives away are recomputed from its sums alone."""
    published = [Published(0, ("*", "*", "*"), tuple(range(5))), Published(1, ("*", "*", "*"), tuple(range(1, 5)))]
    figures = rows(published, SMALL.category)
    assert linear(figures, len(SMALL), RULE.k).solved == (0,)
    assert int(np.argmax(figures.sums[0] - figures.sums[1])) == SMALL.category[0]


def test_5_each_answer_waits_or_is_in_one_block_of_k_people(small: list[Released]) -> None:
    counts = Counter(member.answer for row in small for member in row.one.members)
    assert set(counts.values()) == {1}
    assert set(counts) <= {one.answer for one in SMALL.answers()}
    assert all(len({m.person for m in row.one.members}) == len(row.one.members) >= RULE.k for row in small)


def test_5_each_invitation_is_in_at_most_one_cohort_of_enough_people() -> None:
    found = [member for one in counted(INVITED) for member in one.members]
    assert len({one.invitation for one in found}) == len(found) > len(INVITED) / 2
    assert all(
        len({m.person for m in one.members}) == len(one.members) >= COHORT_RULE.people for one in counted(INVITED)
    )


def test_9_little_is_lost_and_nobody_is_silenced(small: list[Released]) -> None:
    """The large tenant for some days, the last of which are still waiting; `make attack` holds a month to 26 hours."""
    large = make_traffic(per_day=2_000, days=5, seed=5)
    price = price_of(large, block_rows(released(large.answers())))
    assert price.released > 0.999
    assert price.coverage["country"] >= 0.99
    assert price.coverage["service"] >= 0.94
    assert price.wait_hours["median"] <= 2
    assert price.wait_hours["p95"] <= 28
    for per_day in (15, 5):
        few = make_traffic(per_day=per_day, days=14, seed=5)
        assert price_of(few, block_rows(released(few.answers()))).released > 0.9
    assert price_of(SMALL, block_rows(small)).released > 0.99
