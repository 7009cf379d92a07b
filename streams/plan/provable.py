"""How far from the objective the truth must be for a period's verdict to be proven, by the interval that judges."""

from typing import Literal

from streams.detect.confidence import Weights, always_valid, weigh
from streams.judging.verdicts import ALPHA, decide
from streams.plan.laws import Law, law_of

_FINE = 1_000_000  # parts of an answer that expected counts are rounded to
_HALVINGS = 14


def gap(
    verdict: Literal["met", "missed"], reads: str, objective: float, size: int, observations: float
) -> float | None:
    """Return the smallest distance to the objective at which a period is typically decided by its end.

    Args:
        verdict: Which side: "missed" is proven below the objective, "met" above it.
        reads: `Measure.reads`.
        objective: The promise as a share; 0 < objective < 1.
        size: Answers in an observation.
        observations: Expected in the period.

    Returns:
        A difference of shares, exact to a 16,000th of the room there is; None if all of it does not suffice.
    """
    room = objective if verdict == "missed" else 1.0 - objective
    sign = -1.0 if verdict == "missed" else 1.0

    def decided(distance: float) -> bool:
        law = law_of(reads, min(1.0, max(0.0, objective + sign * distance)), size)
        shares = always_valid(_expected(law, observations), alpha=ALPHA)
        return decide(1, shares, objective=objective, least=1) == verdict

    if not decided(room):
        return None
    low, high = 0.0, room
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high


def _expected(law: Law, observations: float) -> Weights:
    """Return the weights of what the law leads to expect."""
    counts = [(share_ppm, round(count * _FINE)) for share_ppm, count in law.shares()]
    one = weigh((), [tuple((share_ppm, count) for share_ppm, count in counts if count)])
    return tuple((node, round(weight * observations / _FINE)) for node, weight in one)
