"""A change of mix is told from a change within, and a drift is never taken for one."""

from fractions import Fraction

import numpy as np
import pytest

from streams.scores import Counts
from streams.why.figures import Row, answers_of
from streams.why.mix import Promise, is_mix, mix_by_most, mix_of

CHANNELS = {"portal": 85.0, "chat": 80.0, "phone": 40.0}
USUAL, SHIFTED = (0.5, 0.3, 0.2), (0.15, 0.15, 0.7)


def span(rng: np.random.Generator, n: int, shares: tuple[float, ...], drop: float = 0.0) -> list[Row]:
    """Released blocks of a span: `n` answers over the channels, each channel as happy as it is, less the drop."""
    rows = []
    for (channel, happiness), count in zip(CHANNELS.items(), rng.multinomial(n, shares), strict=True):
        good = (happiness - drop) / 100
        detractors, neutrals, promoters = rng.multinomial(count, ((0.9 - good) / 2, 0.1, (0.9 + good) / 2))
        counts = Counts(detractors=int(detractors), neutrals=int(neutrals), promoters=int(promoters))
        rows.append(answers_of({"channel": channel}, counts))
    return rows


PROMISE = Promise(objective=0.8, level=2_000.0)


def calls(shares: tuple[float, ...], drop: float, *, n: int, runs: int = 300) -> float:
    """Share of the runs in which the change is called one of mix."""
    rng = np.random.default_rng(20260301)
    spans = ((span(rng, 1_000, USUAL), span(rng, n, shares, drop)) for _ in range(runs))
    return sum(is_mix(before, after, ("channel",), PROMISE) for before, after in spans) / runs


@pytest.mark.parametrize("n", [60, 200, 600])
def test_another_mixture_alone_is_called_mix(n: int) -> None:
    assert calls(SHIFTED, 0.0, n=n) >= 0.9


@pytest.mark.parametrize("n", [40, 60, 200, 600])
def test_a_drift_at_the_same_mixture_is_not(n: int) -> None:
    assert calls(USUAL, 40.0, n=n) <= 0.01


@pytest.mark.parametrize("n", [300, 600])
def test_a_drift_behind_another_mixture_is_not(n: int) -> None:
    assert calls(SHIFTED, 40.0, n=n) <= 0.03


def test_what_an_alarm_chose_by_chance_is_still_mix() -> None:
    """Thirty-three answers by phone, worse than phone usually is by more than three standard errors."""
    before = channels(portal=(930, 60, 70), chat=(530, 60, 30), phone=(250, 80, 110))
    after = channels(chat=(6, 0, 0), phone=(9, 6, 18))
    assert is_mix(before, after, ("channel",), Promise(objective=0.8, level=40_000.0))


def test_what_only_intervals_show_needs_parts_that_got_worse() -> None:
    """Mixture and chance together, where the mixture alone would keep the promise."""
    before = channels(portal=(930, 60, 70), chat=(530, 60, 30), phone=(250, 80, 110))
    after = channels(portal=(68, 6, 2), chat=(26, 7, 4), phone=(31, 11, 34))
    assert not is_mix(before, after, ("channel",), PROMISE)
    assert is_mix(before, after, ("channel",), Promise(objective=0.8, level=2_000.0, has_budget=False))
    worse = channels(portal=(48, 6, 22), chat=(16, 7, 14), phone=(21, 11, 44))
    assert not is_mix(before, worse, ("channel",), Promise(objective=0.8, level=2_000.0, has_budget=False))


def test_a_promise_that_was_not_kept_before_is_no_matter_of_mix() -> None:
    before = channels(portal=(40, 20, 40), phone=(20, 20, 60))
    after = channels(portal=(4, 2, 4), phone=(20, 20, 60))
    assert not is_mix(before, after, ("channel",), PROMISE)


def channels(**counts: tuple[int, int, int]) -> list[Row]:
    return [
        answers_of({"channel": name}, Counts(promoters=one[0], neutrals=one[1], detractors=one[2]))
        for name, one in counts.items()
    ]


def test_what_cannot_be_told_apart_is_not_mix() -> None:
    before = [answers_of({"channel": "portal"}, Counts(promoters=80, detractors=20))]
    after = [answers_of({"channel": "phone"}, Counts(promoters=20, detractors=80))]
    assert mix_of(before, after, ("channel",)) is None
    assert not is_mix(before, after, ("channel",), PROMISE)
    assert not is_mix(before, after, (), PROMISE)
    same = mix_of(before, before, ("channel",))
    assert same is not None
    assert same.share is None


def test_a_part_that_is_new_is_held_against_what_was_usual_altogether() -> None:
    old = [answers_of({"channel": c}, Counts(promoters=40, detractors=10)) for c in ("portal", "chat", "mail", "phone")]
    new = [answers_of({"channel": c}, Counts(promoters=40, detractors=10)) for c in ("portal",)]
    new.append(answers_of({"channel": "robot"}, Counts(detractors=500)))
    found = mix_of(old, new, ("channel",))
    assert found is not None
    assert found.within == 0
    assert found.share == 1
    assert not is_mix(old, new, ("channel",), PROMISE)


def test_the_parts_of_mix_and_within_are_the_change() -> None:
    rng = np.random.default_rng(1)
    found = mix_of(span(rng, 500, USUAL), span(rng, 300, SHIFTED, 10.0), ("channel",))
    assert found is not None
    assert found.share is not None
    assert found.mix + found.within == found.change
    assert found.share * found.change == found.mix


def test_parts_that_are_too_fine_are_formed_without_one_dimension() -> None:
    fine = [("NO", "portal"), ("NO", "phone"), ("SE", "portal"), ("SE", "phone")]
    before = [answers_of({"country": c, "channel": h}, Counts(promoters=25)) for c, h in fine]
    after = [answers_of({"country": "NO", "channel": "portal"}, Counts(promoters=5))]
    after.append(answers_of({"country": "FI", "channel": "phone"}, Counts(promoters=5)))
    assert mix_of(before, after, ("country", "channel")).covered == Fraction(1, 4)  # type: ignore[union-attr]
    found = mix_by_most(before, after, ("country", "channel"))
    assert found is not None
    assert (found.names, found.covered) == (("channel",), Fraction(1))
    enough = mix_by_most(before, before, ("country", "channel"))
    assert enough is not None
    assert enough.names == ("country", "channel")
