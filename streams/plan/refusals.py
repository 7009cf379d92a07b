"""Rules that cannot work at the expected volume: they would never fire, or all the time. Named with key and reason."""

from collections.abc import Iterator
from typing import NamedTuple

from streams.plan.forecast import PERIOD_DAYS, YEAR_DAYS, Outlook, outage
from streams.targets.burn import BurnRule, burn_rules

DAY_MS = 86_400_000


class Refusal(NamedTuple):
    """What cannot work: the file's key, and why with what is allowed."""

    key: str
    reason: str


def refusals(outlook: Outlook) -> Iterator[Refusal]:
    """Return what cannot work, worst first; nothing if all can."""
    yield from _impossible_volume(outlook)
    yield from _always_alarming(outlook)
    yield from _never_alarming(outlook)
    yield from _always_too_few(outlook)
    for index, rule in enumerate(burn_rules(outlook.target.burn)):
        yield from _empty_windows(outlook, rule, f"burn.{index}")


def _impossible_volume(outlook: Outlook) -> Iterator[Refusal]:
    most = DAY_MS / outlook.ruler.unit_ms
    if outlook.measure.reads == "windows" and outlook.per_day > most * 1.01:
        yield Refusal(
            "expected_per_year",
            f"{outlook.per_day:,.0f} windows a day of a slice are more than there are: a day has {most:,.0f}",
        )


def _always_alarming(outlook: Outlook) -> Iterator[Refusal]:
    length, counted = outlook.target.run_length, outlook.measure.counted
    if length < outlook.per_day:
        yield Refusal(
            "false_alerts_per_year",
            f"a false alert in {length:,.0f} {counted} fires all the time: a slice has {outlook.per_day:,.0f} a day; "
            "allowed: a budget with at least a day between false alerts of a slice",
        )


def _never_alarming(outlook: Outlook) -> Iterator[Refusal]:
    """Refuse what an outage cannot be told from: it would be found hardly sooner than a false alert, or in years."""
    worst, length = outage(outlook), outlook.target.run_length
    if worst is None or worst > min(length / 2, YEAR_DAYS * outlook.per_day):
        needed = "more than can be tried" if worst is None else f"{worst:,.0f}"
        yield Refusal(
            "objective",
            f"{outlook.measure.level(outlook.target.objective)} can never fire in time: even if all were as bad as can "
            f"be it took {needed} {outlook.measure.counted}; a slice has {YEAR_DAYS * outlook.per_day:,.0f} a year, "
            f"and a false alert comes in {length:,.0f}",
        )


def _always_too_few(outlook: Outlook) -> Iterator[Refusal]:
    expected, least = PERIOD_DAYS[outlook.target.period] * outlook.per_day, outlook.target.min_respondents
    if least > expected:
        yield Refusal(
            "min_respondents",
            f"{least:,} can never be judged: a {outlook.target.period} has {expected:,.1f} {outlook.measure.counted} "
            f"of a slice, so every verdict is too_few; allowed: up to {int(expected):,}",
        )


def _empty_windows(outlook: Outlook, rule: BurnRule, key: str) -> Iterator[Refusal]:
    unit_s, needed = outlook.ruler.unit_ms // 1000, outlook.ruler.per_observation
    for name, length_s in (("short", rule.short_s), ("long", rule.long_s)):
        held = outlook.per_day * length_s / 86_400
        if length_s < unit_s:
            yield Refusal(
                f"{key}.{name}",
                f"{length_s} s can never fire: figures come every {unit_s} s; allowed: from {unit_s}s",
            )
        elif held < needed:
            least_s = -(-needed * 86_400 // outlook.per_day)
            yield Refusal(
                f"{key}.{name}",
                f"{length_s} s can hardly ever fire: it holds {held:.2g} {outlook.measure.counted} of a slice in the "
                f"mean and needs {needed}; allowed: from {least_s:.0f}s at this volume",
            )
