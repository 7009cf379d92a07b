"""Twenty working days with several troubles each: what is planted calls, at its slice, and nothing else does."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import pytest

from streams.events.judging import Alert
from streams.judging import life_cycle
from streams.simulate.day import Called, Day, Trouble, day
from tests.streams import day_world
from tests.streams.day_books import START_MS, TENANT
from tests.streams.day_world import alerts_of

pytestmark = pytest.mark.timeout(600)  # the first of these tests plays all days

SEEDS = range(20)
ENOUGH = 18


@dataclass(frozen=True)
class Outcome:
    """A day and the alerts that were published on it."""

    day: Day
    alerts: Sequence[Alert]

    @property
    def calls(self) -> list[Alert]:
        """The beginnings of episodes that call somebody."""
        return [alert for alert in self.alerts if alert.calls == "yes" and alert.sequence == 0]

    @property
    def strangers(self) -> list[str]:
        """What calls without a trouble that justifies it, or once more for the same one."""
        starts = {one: START_MS + 1_000 * t.at_s for t in reversed(self.day.troubles) for one in (*t.may, *t.must)}
        unfounded = [a for a in self.calls if called(a) not in starts or a.at_ms < starts[called(a)]]
        must = {one for trouble in self.day.troubles for one in trouble.must}
        again = [one for one, number in Counter(map(called, self.calls)).items() if one in must and number > 1]
        return [f"{alert.kind} {alert.target}" for alert in unfounded] + [f"again: {kind} {of}" for kind, of in again]

    def is_found(self, trouble: Trouble) -> bool:
        """Say whether a trouble has called everybody it must, and its cause is among the first three of the list."""
        mine = {called(alert): alert for alert in reversed(self.calls) if called(alert) in trouble.must}
        return mine.keys() == set(trouble.must) and all(_is_named(trouble.cause, alert) for alert in mine.values())


def called(alert: Alert) -> Called:
    return alert.kind, alert.target


def _is_named(cause: str, alert: Alert) -> bool:
    return not cause or cause in [one["name"] for one in alert.coincidences[:3]]


@lru_cache(maxsize=len(SEEDS))
def outcome(seed: int) -> Outcome:
    planned = day(TENANT, seed)
    return Outcome(planned, alerts_of(planned.scenario, seed))


@pytest.mark.parametrize("name", ["drift", "watermelon", "rollout", "silence", "flapping"])
def test_what_is_planted_calls_at_its_slice_and_names_the_change_near_it(name: str) -> None:
    troubles = {seed: next(t for t in outcome(seed).day.troubles if t.name == name) for seed in SEEDS}
    missed = [seed for seed, trouble in troubles.items() if not outcome(seed).is_found(trouble)]
    assert len(SEEDS) - len(missed) >= ENOUGH, missed


def test_nearly_every_day_is_found_as_a_whole() -> None:
    missed = [seed for seed in SEEDS if not all(map(outcome(seed).is_found, outcome(seed).day.troubles))]
    assert len(SEEDS) - len(missed) >= ENOUGH, missed


def test_nothing_else_calls_anybody() -> None:
    assert {seed: found for seed in SEEDS if (found := outcome(seed).strangers)} == {}


def test_changes_that_have_to_do_with_nothing_were_announced_in_time_to_be_blamed() -> None:
    for seed in SEEDS:
        planned = outcome(seed).day
        announced = [notice for notice in planned.scenario.notices if notice.change_id(TENANT) in planned.decoys]
        last_s = max(trouble.at_s for trouble in planned.troubles)
        assert sum(notice.at_s < last_s for notice in announced) >= 5


def test_the_other_mixture_was_noticed_and_called_one() -> None:
    """Else nobody would know whether it is the rule that keeps it quiet."""
    quiet = [seed for seed in SEEDS if any(alert.calls == "mix" for alert in outcome(seed).alerts)]
    assert len(quiet) >= ENOUGH


def test_without_the_rule_of_mix_somebody_is_called_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_world, "without_mix", list)
    planned = day(TENANT, 0)
    country = planned.scenario.mix_shifts[0].country
    strangers = Outcome(planned, alerts_of(planned.scenario, 0)).strangers
    assert f"drift happiness-by-country/country={country}" in strangers


def test_without_the_hold_a_flapping_service_calls_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    policies = {**life_cycle.POLICIES, "drift": replace(life_cycle.POLICIES["drift"], keep=0)}
    monkeypatch.setattr(life_cycle, "POLICIES", policies)
    planned = day(TENANT, 0)
    flapping = next(trouble for trouble in planned.troubles if trouble.name == "flapping")
    kind, target = flapping.must[0]
    assert f"again: {kind} {target}" in Outcome(planned, alerts_of(planned.scenario, 0)).strangers
