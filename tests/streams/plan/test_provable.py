"""The provable gap: below it a period's verdict stays open, above it it is decided, with the interval that judges."""

from typing import Literal

import numpy as np
import pytest

from streams.detect.confidence import always_valid, weigh
from streams.judging.verdicts import ALPHA, decide
from streams.plan.laws import law_of
from streams.plan.provable import gap

CASES = [("blocks", 0.8, 5, 60.0), ("blocks", 0.5, 5, 200.0), ("windows", 0.95, 1, 500.0)]


def decided(reads: str, objective: float, size: int, observations: float, at: float, wanted: str) -> float:
    """Return the share of drawn periods with that verdict, at a true mean share."""
    law, rng, hits = law_of(reads, at, size), np.random.default_rng(2), 0
    for _ in range(60):
        drawn = rng.multinomial(int(observations), law.weights)
        seen = [tuple((share, n * int(k)) for share, n in o) for o, k in zip(law.observations, drawn, strict=True) if k]
        shares = always_valid(weigh((), seen), alpha=ALPHA)
        hits += decide(1, shares, objective=objective, least=1) == wanted
    return hits / 60


@pytest.mark.parametrize("verdict", ["met", "missed"])
@pytest.mark.parametrize(("reads", "objective", "size", "observations"), CASES)
def test_half_of_the_periods_at_the_gap_are_decided(
    verdict: Literal["met", "missed"], reads: str, objective: float, size: int, observations: float
) -> None:
    found = gap(verdict, reads, objective, size, observations)
    assert found is not None
    sign = -1 if verdict == "missed" else 1
    near, at, far = (
        decided(reads, objective, size, observations, objective + sign * found * part, verdict)
        for part in (0.5, 1.0, 1.6)
    )
    assert near < 0.3 < at < 0.9
    assert far > 0.9


def test_too_few_observations_prove_nothing() -> None:
    assert gap("missed", "blocks", 0.8, 5, 0.2) is None
    assert gap("met", "blocks", 0.99, 5, 3.0) is None


def test_more_observations_prove_more() -> None:
    gaps = [gap("missed", "blocks", 0.8, 5, n) or 1.0 for n in (10.0, 100.0, 1_000.0)]
    assert gaps == sorted(gaps, reverse=True)
