"""What a round of judging reads: all that was published since the last one, for all families of targets together.

A few questions serve all. Nothing is taken that is later than up to when actions are known, so that whoever judges an
instant sees all that had been written down by then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol, TypeVar

from agents.judge_store import Closed, MetricKey, TargetKey
from streams.events.judging import IndicatorKind, Target
from streams.judging.actions import Order, exclusions_written
from streams.judging.rounds import Case, Papers
from streams.judging.sheets import BundleEpoch, Epoch, Sheet, WindowEnd, joined, with_silence
from streams.judging.verdicts import JudgeState, Ruler
from streams.targets.indicators import INDICATORS, Measure, metrics_of

MAX_WINDOWS = 500
"""Windows that one round takes at most, so that catching up keeps memory bounded."""

K = TypeVar("K")


class Family(NamedTuple):
    """Targets that are judged by the same sheets, and may explain each other."""

    tenant: str
    indicator: IndicatorKind
    metric: str

    @property
    def measure(self) -> Measure:
        """What all of them measure."""
        return INDICATORS[self.indicator]

    @property
    def keys(self) -> list[MetricKey]:
        """What their windows are stored under; nothing for feedback."""
        return [(self.tenant, metric) for metric in metrics_of(self.indicator, self.metric)]

    def windows(self, found: Mapping[MetricKey, Sequence[WindowEnd]]) -> Sequence[WindowEnd]:
        """Return their windows out of those of all metrics."""
        if self.indicator != "dex":
            return found.get((self.tenant, self.metric), ())
        return joined({metric: found.get((tenant, metric), ()) for tenant, metric in self.keys}, self.metric)


def family_of(target: Target) -> Family:
    """Return the family of a target version."""
    return Family(target.tenant, target.indicator, target.metric)


class Published(Protocol):
    """What a round asks for; all of it is public but the judge's own states and what operators did."""

    def states(self, tenants: Collection[str]) -> dict[TargetKey, JudgeState]:
        """Return the newest state of every target of the tenants that was ever judged."""

    def epochs(self, since: Mapping[str, int]) -> dict[str, list[Epoch]]:
        """Return each tenant's released epochs after an instant (ms UTC), oldest first; perhaps not all at once."""

    def bundles(self, since: Mapping[str, int]) -> dict[str, list[BundleEpoch]]:
        """Return each tenant's epochs with their bundles, likewise."""

    def orders(self, tenants: Collection[str]) -> dict[str, list[Order]]:
        """Return every revision of every action of the tenants."""

    def recorded_ms(self) -> int | None:
        """Return up to when records, and so actions, are stored; ms UTC, None if none ever were."""

    def closed(self) -> Closed | None:
        """Return how far telemetry is closed; None before the first window is."""

    def windows(
        self, keys: Collection[MetricKey], closed: Closed, *, after_ms: int, before_ms: int
    ) -> dict[MetricKey, list[WindowEnd]]:
        """Return the published windows that end strictly between two instants (ms UTC), oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The grids that targets are judged on.

    Attributes:
        bundles: For indicators that count all answers of a bundle; None = as if it had no more than a block.
    """

    epochs: Ruler
    windows: Ruler
    bundles: Ruler | None = None

    def of(self, family: Family) -> Ruler:
        """Return the grid of a family."""
        if family.measure.least == "people":
            return self.bundles or self.epochs
        return self.epochs if family.measure.is_feedback else self.windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A family before a round.

    Attributes:
        cases: By target.
        since_ms: Up to when all of them have been judged; ms UTC.
    """

    cases: Mapping[str, Case]
    since_ms: int

    @property
    def states(self) -> list[JudgeState]:
        """Of those that were ever judged."""
        return [case.state for case in self.cases.values() if case.state is not None]


Benches = Mapping[Family, Bench]


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a round is held on.

    Attributes:
        papers: What each family is judged by; for every one that was asked for.
        until: Up to when that is complete, where it is known; ms UTC.
        reached: Lane -> up to when it is complete; ms UTC.
    """

    papers: Mapping[Family, Papers]
    until: Mapping[Family, int] = field(default_factory=dict)
    reached: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Found:
    """Sheets per family, and up to when they are complete."""

    sheets: dict[Family, Sequence[Sheet]] = field(default_factory=dict)
    until: dict[Family, int] = field(default_factory=dict)


def read_news(benches: Benches, store: Published, grid: Grid) -> News:
    """Ask for what was published since. Blocks; changes nothing."""
    if not benches:
        return News(papers={})
    recorded_ms = store.recorded_ms()
    feedback = {family: bench for family, bench in benches.items() if family.measure.is_feedback}
    windows = {family: bench for family, bench in benches.items() if family not in feedback}
    closed = store.closed() if windows else None
    found = _Found()
    _add_epochs(found, feedback, store, recorded_ms)
    if closed is not None:
        capped_ms = closed.before_ms if recorded_ms is None else min(closed.before_ms, recorded_ms + 1)
        _add_windows(found, windows, store, replace(closed, before_ms=capped_ms), grid.windows.unit_ms)
    lanes = {"records": recorded_ms, "telemetry": closed.before_ms if closed else None}
    return News(
        papers=_papers(benches, found.sheets, store, closed),
        until=found.until,
        reached={lane: at_ms for lane, at_ms in lanes.items() if at_ms is not None},
    )


def _add_epochs(found: _Found, benches: Benches, store: Published, recorded_ms: int | None) -> None:
    """Add newly released epochs, with their blocks or their bundles."""
    for reads in sorted({family.measure.reads for family in benches}):
        mine = {family: bench for family, bench in benches.items() if family.measure.reads == reads}
        since = _earliest((family.tenant, bench.since_ms) for family, bench in mine.items())
        sheets = _epochs(store, reads, since)
        for family in mine:
            some = [sheet for sheet in sheets(family) if recorded_ms is None or sheet.at_ms <= recorded_ms]
            if some:
                found.sheets[family], found.until[family] = some, some[-1].at_ms


def _epochs(store: Published, reads: str, since: Mapping[str, int]) -> Callable[[Family], Sequence[Sheet]]:
    """Return what tells a family's sheets after an instant of each tenant; asks once for all families."""
    if reads == "bundles":
        bundles = store.bundles(since)
        return lambda family: [
            epoch.seen_by(family.indicator, family.metric) for epoch in bundles.get(family.tenant, ())
        ]
    epochs = store.epochs(since)
    return lambda family: epochs.get(family.tenant, ())


def _add_windows(found: _Found, benches: Benches, store: Published, closed: Closed, unit_ms: int) -> None:
    """Add newly closed windows: of all who are nearly up to date, and of those who are furthest behind."""
    since = {family: bench.since_ms for family, bench in benches.items()}
    span_ms = MAX_WINDOWS * unit_ms
    for families in _convoys(since, closed.before_ms - span_ms, span_ms):
        after_ms = min(since[family] for family in families)
        before_ms = min(closed.before_ms, after_ms + span_ms)
        if (after_ms // unit_ms + 1) * unit_ms >= before_ms:
            continue
        keys = [key for family in families for key in family.keys]
        ends = store.windows(keys, closed, after_ms=after_ms, before_ms=before_ms)
        for family in families:
            heard = {state.heard_ms for state in benches[family].states}
            some = family.windows(ends)
            found.sheets[family] = with_silence(some, heard, after_ms=after_ms, before_ms=before_ms, unit_ms=unit_ms)
            found.until[family] = before_ms - 1


def _convoys(since: Mapping[Family, int], recent_ms: int, span_ms: int) -> list[list[Family]]:
    recent = [family for family, instant in since.items() if instant > recent_ms]
    behind = {family: instant for family, instant in since.items() if instant <= recent_ms}
    last_ms = min(behind.values(), default=0) + span_ms
    return [some for some in (recent, [family for family, instant in behind.items() if instant < last_ms]) if some]


def _earliest(pairs: Iterable[tuple[K, int]]) -> dict[K, int]:
    """Return the least instant for each key."""
    instants: dict[K, list[int]] = defaultdict(list)
    for key, instant in pairs:
        instants[key].append(instant)
    return {key: min(some) for key, some in instants.items()}


def _papers(
    benches: Benches, sheets: Mapping[Family, Sequence[Sheet]], store: Published, closed: Closed | None
) -> dict[Family, Papers]:
    """Return what each family is judged by. Actions are read last: all that were written down by then are there."""
    busy = {family.tenant for family, some in sheets.items() if some}
    orders = store.orders(busy) if busy else {}
    return {
        family: _papers_of(family, bench, sheets.get(family, ()), orders.get(family.tenant, ()), store, closed)
        for family, bench in benches.items()
    }


def _papers_of(
    family: Family,
    bench: Bench,
    sheets: Sequence[Sheet],
    orders: Sequence[Order],
    store: Published,
    closed: Closed | None,
) -> Papers:
    """Return the papers of one family, with the sheets that exclusions reach back to."""
    judged = [state.at_ms for state in bench.states]
    if not sheets or not judged:
        return Papers(sheets=sheets, orders=orders)
    written = exclusions_written(orders, after_ms=min(judged), until_ms=sheets[-1].at_ms)
    begin_ms = min((one.from_ms for one in written), default=max(judged))
    return Papers(sheets=sheets, orders=orders, past=_past(family, begin_ms, max(judged) + 1, store, closed))


def _past(family: Family, after_ms: int, before_ms: int, store: Published, closed: Closed | None) -> Sequence[Sheet]:
    """Return the sheets that end strictly between two instants, as far as they are kept."""
    if after_ms + 1 >= before_ms:
        return ()
    if family.measure.is_feedback:
        return _past_epochs(family, after_ms, before_ms, store)
    if closed is None:
        return ()
    return family.windows(store.windows(family.keys, closed, after_ms=after_ms, before_ms=before_ms))


def _past_epochs(family: Family, after_ms: int, before_ms: int, store: Published) -> list[Sheet]:
    found: list[Sheet] = []
    reads = family.measure.reads
    while some := _epochs(store, reads, {family.tenant: found[-1].at_ms if found else after_ms})(family):
        found += some
        if some[-1].at_ms >= before_ms:
            break
    return [epoch for epoch in found if epoch.at_ms < before_ms]
