"""What operators did about targets and alerts, as judging sees it: acknowledgements, maintenance, exclusions. Pure.

Actions are append-only. At an instant, the newest revision that had been written down by then counts, so a replay sees
at each instant what could be seen there. Maintenance and acknowledgements work from when they were written down; an
exclusion takes out its whole interval, from the verdicts after it was written down on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from streams.events.judging import Target
from streams.events.records import ActionKind

FOREVER_MS = 1 << 62
"""End of what has none."""

Interval = tuple[int, int]
"""(from, until) in ms UTC, `until` excluded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One revision of one action.

    Attributes:
        version: Of two revisions written down, the one with the larger version counts.
        recorded_ms: When it was written down: its record timestamp.
        from_ms: From when it holds.
        until_ms: Until when; `FOREVER_MS` if it has no end.
        target: A target's id, or that of its file; empty = all targets that `labels` fit.
        alert_id: Only this alert; empty = any.
        labels: Dimension -> value, without the empty ones.
    """

    action_id: str
    kind: ActionKind
    version: int
    recorded_ms: int
    from_ms: int
    until_ms: int = FOREVER_MS
    target: str = ""
    alert_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def is_about(self, target: Target) -> bool:
        """Say whether a target, or the slice of it, is meant. Who names less than the slice means all parts of it."""
        is_named = self.target in {"", target.target} or target.target.startswith(f"{self.target}/")
        return is_named and all(target.slice.get(name) == value for name, value in self.labels.items())


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What holds for one target at one instant.

    Attributes:
        is_muted: The epoch or window lies in a maintenance that was known by then.
        is_excluded: It lies in an exclusion that was known by then.
        exclusions: All of those known by then that reach into the verdict; sorted, without overlaps.
        acks: Acknowledgements known by then.
    """

    is_muted: bool = False
    is_excluded: bool = False
    exclusions: tuple[Interval, ...] = ()
    acks: tuple[Order, ...] = ()

    def is_acked(self, alert_id: str) -> bool:
        """Say whether somebody has taken an alert on."""
        return any(ack.alert_id in {"", alert_id} for ack in self.acks)


def standing(orders: Iterable[Order], target: Target, *, at_ms: int, unit_ms: int, since_ms: int) -> Standing:
    """Return what holds for a target at the end of an epoch or window.

    Args:
        orders: Actions of the target's tenant, in any order; repetitions change nothing.
        target: The version in force.
        at_ms: The end; it covers (at_ms - unit_ms, at_ms].
        unit_ms: Length of an epoch or window; milliseconds.
        since_ms: Where the verdict begins: exclusions that ended before are left out.
    """
    known = [order for order in known_at(orders, at_ms) if order.is_about(target)]
    now = (at_ms - unit_ms, at_ms)
    exclusions = _merged((one.from_ms, one.until_ms) for one in _of(known, "exclusion") if one.until_ms > since_ms)
    return Standing(
        is_muted=any(overlaps((one.from_ms, one.until_ms), now) for one in _of(known, "maintenance")),
        is_excluded=any(overlaps(one, now) for one in exclusions),
        exclusions=exclusions,
        acks=tuple(one for one in _of(known, "ack") if overlaps((one.from_ms, one.until_ms), now)),
    )


def known_at(orders: Iterable[Order], at_ms: int) -> list[Order]:
    """Return the newest revision of each action that was written down until `at_ms`, by id."""
    newest: dict[str, Order] = {}
    for order in orders:
        if order.recorded_ms <= at_ms and order.version >= newest.get(order.action_id, order).version:
            newest[order.action_id] = order
    return [newest[name] for name in sorted(newest)]


def overlaps(one: Interval, other: Interval) -> bool:
    """Say whether two intervals have time in common."""
    return max(one[0], other[0]) < min(one[1], other[1])


def _of(orders: Iterable[Order], kind: ActionKind) -> list[Order]:
    return [order for order in orders if order.kind == kind]


def _merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    merged: list[Interval] = []
    for begin, until in sorted(interval for interval in intervals if interval[0] < interval[1]):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(until, merged[-1][1]))
        else:
            merged.append((begin, until))
    return tuple(merged)


def exclusions_written(orders: Sequence[Order], *, after_ms: int, until_ms: int) -> list[Order]:
    """Return all revisions of the exclusions that became known, or were changed, in (after_ms, until_ms]."""
    changed = {one.action_id for one in orders if one.kind == "exclusion" and after_ms < one.recorded_ms <= until_ms}
    return [one for one in orders if one.action_id in changed]
