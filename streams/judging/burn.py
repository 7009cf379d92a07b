"""Slow burn: the period will be missed at this rate, or a burn rule of the target says so. By evidence only.

The period: its always-valid interval lies below the objective, at an error of one in a thousand per period, looked at
as often as one likes, and so does the display window's, so it goes on. It ends when either is no longer true, without
asking for evidence, or with the period.

A burn rule: over its long and its short window, the budget 1 - objective went at least `rate` times too fast, each by
the upper end of a 99.9 % display interval of the share of bad. Intervals over sliding windows hold at one look, not at
all looks at once; the wide interval, the second window and the hold of the life cycle keep noise out.
"""

from collections.abc import Iterable, Sequence

from streams.detect.confidence import Weights, always_valid
from streams.detect.observation import Observation
from streams.scores import Moments, mean_interval
from streams.spans import Span, added, rolled
from streams.targets.burn import BurnRule, burn_rules

ALPHA = 0.002
"""Two-sided: one in a thousand that a period on target is ever called missed here."""
Z = 3.2905267314918945
"""Two-sided 99.9 % quantile of the normal distribution."""


def period_burns(weights: Weights, objective: float) -> bool:
    """Say whether it is evident that the mean of the period so far lies below the objective, a share in (0, 1)."""
    return bool(weights) and always_valid(weights, alpha=ALPHA).upper < objective


def burning_rule(
    rules: Iterable[BurnRule], spans: Sequence[Span], *, objective: float, at_ms: int
) -> tuple[BurnRule, Moments] | None:
    """Return the first rule that burns for certain, with the moments of its long window, or None.

    Args:
        rules: In the order of the target.
        spans: Parts of the longest window that ends at `at_ms`.
        objective: The promise, as a share in (0, 1).
        at_ms: The instant; ms UTC.
    """
    for rule in rules:
        most = 1.0 - rule.rate * (1.0 - objective)
        windows = [added(spans, since_ms=at_ms - 1000 * length_s) for length_s in (rule.long_s, rule.short_s)]
        if all(_is_below(window, most) for window in windows):
            return rule, windows[0]
    return None


def _is_below(moments: Moments, share: float) -> bool:
    interval = mean_interval(moments, z=Z)
    return interval is not None and interval.upper < share


def burn_spans(
    spans: tuple[Span, ...], rules: Sequence[str], observations: Iterable[Observation], *, at_ms: int, unit_ms: int
) -> tuple[Span, ...]:
    """Return the parts of the longest window of a target's burn rules with one epoch or window added.

    Args:
        spans: Before it, oldest first.
        rules: As a target version carries them; without any nothing is kept.
        observations: Of the epoch or window.
        at_ms: Its end; ms UTC.
        unit_ms: Its length; milliseconds.
    """
    longest_s = max((rule.long_s for rule in burn_rules(rules)), default=0)
    return rolled(spans, observations, at_ms=at_ms, window_ms=1000 * longest_s, unit_ms=unit_ms) if longest_s else ()
