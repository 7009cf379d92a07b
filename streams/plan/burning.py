"""When a burn rule fires, and whether it can at all: asked of the rule that judges, with the figures to be expected."""

from itertools import pairwise

from streams.judging.burn import burning_rule
from streams.plan.laws import Law, law_of
from streams.scores import PPM
from streams.spans import MAX_SPANS, Span
from streams.targets.burn import BurnRule

LEAST_PARTS = 2
"""Parts of the long window, as judging keeps it, that the short one must have room for: one of them is incomplete."""

_HALVINGS = 12


def shortest_s(rule: BurnRule) -> int:
    """Return the shortest window that can stand beside the rule's long one; seconds."""
    return -(-LEAST_PARTS * rule.long_s // MAX_SPANS)


def needed(rule: BurnRule, objective: float) -> int | None:
    """Return how many answers (or windows) each window must hold for the rule to fire if all of them are bad.

    Args:
        rule: A rule that is not dead.
        objective: The promise as a share.

    Returns:
        A number exact to a tenth; None if a million do not suffice.
    """
    least = 1
    while least <= PPM:
        if _fires(rule, objective, [(rule.short_s, least, (0.0, 0.0))]):
            return least
        least += max(1, least // 10)
    return None


def outage_s(rule: BurnRule, reads: str, objective: float, per_day: float) -> float | None:
    """Return how long all must be bad, after all was on target, for the rule to fire; seconds.

    Args:
        rule: A rule that is not dead.
        reads: `Measure.reads`.
        objective: The promise as a share.
        per_day: Answers (or windows) a day.

    Returns:
        A time up to the length of the long window; None if the rule does not fire in that time.
    """
    good = _moments_of_one(law_of(reads, objective, 1))

    def fires(bad_s: float) -> bool:
        edges = sorted({0.0, float(rule.short_s), float(rule.long_s), bad_s})
        pieces = [(end, end - begin, (0.0, 0.0) if end <= bad_s else good) for begin, end in pairwise(edges)]
        return _fires(rule, objective, [(end, round(per_day * length / 86_400), kind) for end, length, kind in pieces])

    if not fires(rule.long_s):
        return None
    low, high = 0.0, float(rule.long_s)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if fires(middle) else (middle, high)
    return high


def _moments_of_one(law: Law) -> tuple[float, float]:
    """Return mean and mean square of one share under a law."""
    pairs = [(share_ppm / PPM, count) for share_ppm, count in law.shares()]
    return sum(share * count for share, count in pairs), sum(share * share * count for share, count in pairs)


def _fires(rule: BurnRule, objective: float, pieces: list[tuple[float, int, tuple[float, float]]]) -> bool:
    """Ask the rule; pieces of the past are (age at which they began in seconds, n, mean and mean square)."""
    now_ms = 2_000 * rule.long_s
    spans = [
        Span(now_ms - round(1_000 * age_s), n, round(n * mean * PPM), round(n * square * PPM**2))
        for age_s, n, (mean, square) in pieces
    ]
    return burning_rule([rule], spans, objective=objective, at_ms=now_ms) is not None
