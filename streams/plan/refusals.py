"""Rules that cannot work at the expected volume: they would never fire, or all the time. Named with key and reason."""

from collections.abc import Iterator
from typing import NamedTuple

from streams.plan.burning import needed, shortest_s
from streams.plan.forecast import DAY_MS, PERIOD_DAYS, YEAR_DAYS, Outlook, outage
from streams.spans import MAX_SPANS
from streams.targets.burn import BurnRule, burn_rules


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
    yield from _never_ending(outlook)
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


def _never_ending(outlook: Outlook) -> Iterator[Refusal]:
    length, year = outlook.target.recovery_length, YEAR_DAYS * outlook.per_day
    if length > year:
        yield Refusal(
            "recovery_length",
            f"{length:,.0f} can never end: a slice has {year:,.0f} {outlook.measure.counted} a year, so an alert on a "
            f"target that is just kept stays open for longer; allowed: up to {int(year):,}",
        )


def _empty_windows(outlook: Outlook, rule: BurnRule, key: str) -> Iterator[Refusal]:
    """Refuse windows that are cut too coarsely to be judged, or hold too little to prove anything."""
    least_s = max(outlook.ruler.unit_ms // 1000, shortest_s(rule))
    if rule.short_s < least_s:
        yield Refusal(
            f"{key}.short",
            f"{rule.short_s} s can never fire beside {rule.long_s} s: figures come every "
            f"{outlook.ruler.unit_ms // 1000} s, and a window is kept in {MAX_SPANS} parts; allowed: from {least_s}s",
        )
    count, held = needed(rule, outlook.objective), outlook.per_day * rule.short_s / 86_400
    if count is None or held < count:
        wanted = "no number" if count is None else f"{count:,}"
        yield Refusal(
            f"{key}.short",
            f"{rule.short_s} s can never fire at this volume: it holds {held:.2g} {outlook.measure.counted} of a slice "
            f"in the mean, and {wanted} would prove a burn of {rule.rate:g} even if all were bad"
            + ("" if count is None else f"; allowed: from {-(-count * 86_400 // outlook.per_day):.0f}s"),
        )
