"""One round of judging: what was published since the last one, cut to slices and folded target by target. Pure.

Published feedback comes as epochs of released blocks, published telemetry as ends of closed windows; both are *sheets*
that can tell any slice's step. A sheet is all there will ever be for its instant.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from streams.alerts import alert_of, closing_alert
from streams.detect.drift import DriftState
from streams.detect.observation import block_of, window_of
from streams.events.judging import Alert, Target, Verdict
from streams.scores import Counts
from streams.targets.versions import version_at
from streams.verdicts import JudgeState, Ruler, Step, judge_epoch, verdict_of

MIXED = "*"
"""Label of a block whose members differ in that dimension."""

Slice = Mapping[str, str]
_Names = tuple[str, ...]
_Values = tuple[str, ...]


class Sheet(Protocol):
    """What was published at one instant for one tenant."""

    @property
    def at_ms(self) -> int:
        """End of the epoch or window; ms UTC."""
        ...

    def step(self, slice_: Slice) -> Step:
        """Return the instant as a slice sees it."""
        ...


@dataclass(frozen=True, slots=True)
class ReleasedBlock:
    """One published block: its labels (dimension -> common value, `MIXED`, or empty for unknown) and its counts."""

    labels: Mapping[str, str]
    counts: Counts


@dataclass(frozen=True, slots=True)
class Epoch:
    """A released epoch of one tenant; blocks in block order."""

    at_ms: int
    blocks: Sequence[ReleasedBlock]
    _cuts: dict[_Names, "_Cut"] = field(default_factory=dict, repr=False, compare=False)

    def step(self, slice_: Slice) -> Step:
        """Return the blocks whose labels equal the slice, and how many answers name its dimensions at all."""
        names = tuple(sorted(slice_))
        cut = self._cuts.get(names) or self._cuts.setdefault(names, _cut(self.blocks, names))
        mine = cut.blocks.get(tuple(slice_[name] for name in names), ())
        return Step(
            at_ms=self.at_ms,
            observations=tuple(block_of(counts) for counts in mine),
            scope_n=cut.scope_n,
            named_n=cut.named_n,
        )


@dataclass(frozen=True, slots=True)
class _Cut:
    """An epoch's blocks by the values of some dimensions."""

    blocks: Mapping[_Values, Sequence[Counts]]
    scope_n: int
    named_n: int


def _cut(blocks: Iterable[ReleasedBlock], names: _Names) -> _Cut:
    by_values: dict[_Values, list[Counts]] = defaultdict(list)
    scope_n = named_n = 0
    for block in blocks:
        values = tuple(block.labels.get(name, "") for name in names)
        scope_n += block.counts.n
        if all(value not in {MIXED, ""} for value in values):
            named_n += block.counts.n
            by_values[values].append(block.counts)
    return _Cut(blocks=by_values, scope_n=scope_n, named_n=named_n)


@dataclass(frozen=True, slots=True)
class WindowRow:
    """One published row of a closed window: its dimensions and its use time, milliseconds."""

    labels: Mapping[str, str]
    good_ms: int
    attempted_ms: int


@dataclass(frozen=True, slots=True)
class WindowEnd:
    """A closed window of one tenant and metric; only rows that the public may see."""

    at_ms: int
    rows: Sequence[WindowRow]

    def step(self, slice_: Slice) -> Step:
        """Return the share of good time in the rows of the slice; nothing if nothing was attempted there."""
        mine = [row for row in self.rows if all(row.labels.get(name, "") == value for name, value in slice_.items())]
        seen = window_of(sum(row.good_ms for row in mine), sum(row.attempted_ms for row in mine))
        return Step(at_ms=self.at_ms, observations=(seen,) if seen else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the ledger: a verdict and the state after it."""

    verdict: Verdict
    state: JudgeState


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a round led to for one target; empty if there was nothing to judge."""

    entries: tuple[Entry, ...] = ()
    alerts: tuple[Alert, ...] = ()


def rule(versions: Sequence[Target], state: JudgeState | None, sheets: Sequence[Sheet], ruler: Ruler) -> Ruling:
    """Judge one target through the sheets that its state does not contain yet.

    Args:
        versions: All known versions of the target.
        state: Its newest state; None = never judged.
        sheets: In time order; older ones than the state are left out.
        ruler: The grid.

    Returns:
        Ledger rows in order, and the alerts that follow from them. Nothing if the state comes from a version that is
        not among `versions`: somebody knew more, so judging waits until it is known here too.
    """
    newest = max(versions, key=lambda version: version.version)
    if state is not None and state.version > newest.version:
        return Ruling()
    entries: list[Entry] = []
    alerts: list[Alert] = []
    for sheet in sheets:
        target = version_at(versions, sheet.at_ms)
        if target is None or not _is_judged(target, newest) or (state is not None and sheet.at_ms <= state.at_ms):
            continue
        judged = judge_epoch(state, target, sheet.step(target.slice), ruler)
        state = judged.state
        entries.append(Entry(verdict=judged.verdict, state=state))
        if judged.detection is not None:
            alerts.append(alert_of(judged.detection, target, judged.verdict))
    if newest.state == "retired" and state is not None and state.version < newest.version:
        _close(newest, state, entries, alerts)
    return Ruling(entries=tuple(entries), alerts=tuple(alerts))


def _is_judged(target: Target, newest: Target) -> bool:
    """Say whether sheets of the newest version's kind can judge this version."""
    return target.state == "active" and (target.indicator, target.metric) == (newest.indicator, newest.metric)


def _close(retired: Target, state: JudgeState, entries: list[Entry], alerts: list[Alert]) -> None:
    """Add the last row of a retired target, and the end of an open episode."""
    at_ms = max(retired.valid_from_ms, state.at_ms)
    last = msgspec.structs.replace(state, version=retired.version, at_ms=at_ms, drift=DriftState())
    verdict = verdict_of(last, retired, evidence=0.0)
    entries.append(Entry(verdict=verdict, state=last))
    if state.drift.since_ms is not None:
        alerts.append(closing_alert(retired, verdict, since_ms=state.drift.since_ms))
