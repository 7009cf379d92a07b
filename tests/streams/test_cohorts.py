"""The rule of cohorts against a naive reading of it, and the properties that privacy rests on."""

import inspect
import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.blocks import rule_of
from streams.cohorts import Asked, Cohort, CohortRule, answered_in_time, cohort_rule_of, cohorts
from streams.errors import ConfigError
from streams.profile import DAY_MS, DEMO, STANDARD

some_examples = settings(max_examples=60)
rules = st.builds(
    CohortRule,
    people=st.integers(3, 8),
    cohort_ms=st.sampled_from([50, 70]),
    deadline_ms=st.sampled_from([1, 60, 130]),
    epoch_ms=st.sampled_from([10, 35]),
)
LAST_MS = 2_000


@st.composite
def asked(draw: st.DrawFn) -> list[Asked]:
    random = draw(st.randoms(use_true_random=False))
    crowd, span_ms = draw(st.integers(2, 25)), draw(st.sampled_from([60, 300, 900]))
    return [
        Asked(invitation=f"i{number}", log_ms=100 + random.randrange(span_ms), person=f"p{random.randrange(crowd)}")
        for number in range(draw(st.integers(0, 60)))
    ]


def naive(rows: Sequence[Asked], rule: CohortRule, until_ms: int) -> list[Cohort]:
    """The rule as its words have it: day after day, with no regard for speed."""
    found: list[Cohort] = []
    if not rows:
        return found
    start = min(one.log_ms for one in rows) // rule.cohort_ms * rule.cohort_ms
    for end in range(start + rule.cohort_ms, until_ms + 1, rule.cohort_ms):
        epoch = next(at for at in range(0, 10_000, rule.epoch_ms) if at >= end + rule.deadline_ms)
        inside = sorted(
            (one for one in rows if start <= one.log_ms < end), key=lambda one: (one.log_ms, one.invitation)
        )
        earlier = [{other.person for other in inside[:place]} for place in range(len(inside))]
        firsts = tuple(one for one, others in zip(inside, earlier, strict=True) if one.person not in others)
        if epoch <= until_ms and len({one.person for one in inside}) >= rule.people:
            found.append(Cohort(start_ms=start, end_ms=end, epoch_ms=epoch, members=firsts))
            start = end
    return found


@some_examples
@given(asked(), rules, st.integers(0, LAST_MS))
def test_equals_the_naive_reading(rows: list[Asked], rule: CohortRule, until_ms: int) -> None:
    assert cohorts(rows, from_ms=None, until_ms=until_ms, rule=rule) == naive(rows, rule, until_ms)


@some_examples
@given(asked(), rules)
def test_cohorts_are_disjoint_in_time_and_members_and_have_enough_people(rows: list[Asked], rule: CohortRule) -> None:
    found = cohorts(rows, from_ms=None, until_ms=LAST_MS, rule=rule)
    members = [one.invitation for cohort in found for one in cohort.members]
    assert len(set(members)) == len(members)
    assert all(one.end_ms == other.start_ms for one, other in itertools.pairwise(found))
    for cohort in found:
        assert len({one.person for one in cohort.members}) == len(cohort.members) >= rule.people
        assert all(cohort.start_ms <= one.log_ms < cohort.end_ms for one in cohort.members)
        assert all(one.log_ms + rule.deadline_ms < cohort.epoch_ms for one in cohort.members)


@some_examples
@given(asked(), rules, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(rows: list[Asked], rule: CohortRule, random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert cohorts(shuffled, from_ms=None, until_ms=LAST_MS, rule=rule) == cohorts(
        rows, from_ms=None, until_ms=LAST_MS, rule=rule
    )


@some_examples
@given(asked(), rules, st.lists(st.integers(0, LAST_MS), max_size=4))
def test_whenever_one_looks_each_cohort_comes_once_and_is_the_same(
    rows: list[Asked], rule: CohortRule, looks: list[int]
) -> None:
    """Looked at in any rhythm, with the log as far as it was then, gives what one look at the end gives."""
    found: list[Cohort] = []
    for until_ms in [*sorted(looks), LAST_MS]:
        known = [one for one in rows if one.log_ms <= until_ms]
        from_ms = found[-1].end_ms if found else None
        found += cohorts(known, from_ms=from_ms, until_ms=until_ms, rule=rule)
    assert found == cohorts(rows, from_ms=None, until_ms=LAST_MS, rule=rule)


def test_who_answered_is_not_an_argument() -> None:
    assert set(inspect.signature(cohorts).parameters) == {"asked", "from_ms", "until_ms", "rule"}
    assert set(Asked.__dataclass_fields__) == {"invitation", "log_ms", "person"}


def test_the_deadline_is_each_invitations_own_and_inclusive() -> None:
    rule = CohortRule(people=3, cohort_ms=100, deadline_ms=50, epoch_ms=10)
    rows = [Asked(invitation=f"i{n}", log_ms=10 * n, person=f"p{n}") for n in range(5)]
    [cohort] = cohorts(rows, from_ms=None, until_ms=150, rule=rule)
    assert (cohort.start_ms, cohort.end_ms, cohort.epoch_ms) == (0, 100, 150)
    answered = {"i0": 50, "i1": 61, "i2": None, "i4": 41, "stranger": 1}
    assert answered_in_time(cohort, answered, rule) == 2
    assert cohorts(rows, from_ms=None, until_ms=149, rule=rule) == []


def test_a_cohort_has_as_many_people_as_a_bundle_and_never_fewer_than_k() -> None:
    usual = cohort_rule_of(STANDARD, rule_of(STANDARD))
    assert usual == CohortRule(people=20, cohort_ms=DAY_MS, deadline_ms=7 * DAY_MS, epoch_ms=600_000)
    assert cohort_rule_of(STANDARD, replace(rule_of(STANDARD), k=30)).people == 30
    assert cohort_rule_of(DEMO, rule_of(DEMO)).deadline_ms < 60_000
    with pytest.raises(ConfigError, match="deadline_ms is 0; allowed: 1 and more"):
        replace(usual, deadline_ms=0)
