"""Burn rules: how fast a period's budget of bad experience may go, over a long and a short window at once.

Every indicator is the mean of shares between 0 (all bad) and 1 (all good), so the objective leaves a budget of
`1 - objective` that adds up over time, and a window burns it at

    burn = (1 - mean share of the window) / (1 - objective)

At 1 the budget lasts exactly for the period. If everything is bad the burn is 1 / (1 - objective), so a rule above that
can never fire. For happiness the share of a detractor is 0, of a neutral 1/2, of a promoter 1: the mean of the shares
is the score on another scale, hence the same arithmetic holds.

References:
    Google, SRE Workbook, "Alerting on SLOs".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from streams.scores import PPM, Moments

_TEXT = re.compile(r"(?P<rate>[0-9.]+)@(?P<long>[0-9]+)s/(?P<short>[0-9]+)s")


@dataclass(frozen=True, kw_only=True, slots=True)
class BurnRule:
    """Fires while the burn is at or above the rate over both windows.

    Attributes:
        rate: Multiple of the speed at which the budget lasts for the period; above 1.
        long_s: The window that makes sure that enough was burnt; seconds.
        short_s: The window that makes sure that it still burns; seconds, shorter.
    """

    rate: float
    long_s: int
    short_s: int

    @property
    def text(self) -> str:
        """The rule as target versions carry it.

        Example:
            >>> BurnRule(rate=14.4, long_s=3600, short_s=300).text
            '14.4@3600s/300s'
        """
        rate = f"{self.rate:.6f}".rstrip("0").rstrip(".")
        return f"{rate}@{self.long_s}s/{self.short_s}s"


def burn_rules(texts: Sequence[str]) -> tuple[BurnRule, ...]:
    """Return the rules of a target version; its texts were checked when it was decoded.

    Raises:
        ValueError: A text is no rule.
    """
    return tuple(map(_rule, texts))


def _rule(text: str) -> BurnRule:
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"not a burn rule such as 6@21600s/1800s: {text[:20]!r}")
    return BurnRule(rate=float(found["rate"]), long_s=int(found["long"]), short_s=int(found["short"]))


def burn_of(moments: Moments, objective: float) -> float | None:
    """Return how fast what was seen burns the budget; None without data.

    Args:
        moments: Shares of one window.
        objective: The promise as a share; 0 < objective < 1.
    """
    if moments.n == 0:
        return None
    return (1.0 - moments.total / (moments.n * PPM)) / (1.0 - objective)


def largest_burn(objective: float) -> float:
    """Return the burn when everything is bad.

    Args:
        objective: The promise as a share; 0 < objective < 1.

    Example:
        >>> largest_burn(0.75)
        4.0
    """
    return 1.0 / (1.0 - objective)
