"""The judge's docket: the targets that this process judges, how far each one is, and what a round found.

`hold` is the reading and folding half of a round: it asks the store a few questions for all targets together and
changes nothing. The docket moves on only after everything that was found is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from agents.judge_store import Closed, MetricKey, TargetKey
from streams.events.judging import Alert, Target
from streams.rounds import Entry, Epoch, Ruling, Sheet, WindowEnd, rule
from streams.targets.indicators import INDICATORS
from streams.verdicts import JudgeState, Ruler

MAX_WINDOWS = 500
"""Windows that one round takes at most, so that catching up keeps memory bounded."""

Cases = Mapping[TargetKey, Sequence[Target]]
"""Target -> its known versions."""
K = TypeVar("K")


class Published(Protocol):
    """What a round asks for; all of it is public but the judge's own states."""

    def states(self, tenants: Collection[str]) -> dict[TargetKey, JudgeState]:
        """Return the newest state of every target of the tenants that was ever judged."""

    def epochs(self, since: Mapping[str, int]) -> dict[str, list[Epoch]]:
        """Return each tenant's released epochs after an instant (ms UTC), oldest first; perhaps not all at once."""

    def closed(self) -> Closed | None:
        """Return how far telemetry is closed; None before the first window is."""

    def windows(
        self, keys: Collection[MetricKey], closed: Closed, *, after_ms: int, before_ms: int
    ) -> dict[MetricKey, list[WindowEnd]]:
        """Return the published windows that end strictly between two instants (ms UTC), oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The grids that targets are judged on."""

    epochs: Ruler
    windows: Ruler

    def of(self, target: Target) -> Ruler:
        """Return the grid of a target."""
        return self.epochs if INDICATORS[target.indicator].reads == "blocks" else self.windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a round found.

    Attributes:
        rulings: Per target, only where there is something to write.
        states: New states, and those read for the first time.
        seen: How far each target has been judged; ms UTC.
    """

    rulings: Mapping[TargetKey, Ruling]
    states: Mapping[TargetKey, JudgeState | None]
    seen: Mapping[TargetKey, int]

    @property
    def alerts(self) -> list[Alert]:
        """All alerts, per target in order."""
        return [alert for ruling in self.rulings.values() for alert in ruling.alerts]

    @property
    def entries(self) -> list[Entry]:
        """All ledger rows, per target in order."""
        return [entry for ruling in self.rulings.values() for entry in ruling.entries]


@dataclass(slots=True)
class Docket:
    """The targets of the owned partitions, and how far they are judged."""

    versions: dict[TargetKey, dict[int, Target]] = field(default_factory=dict)
    states: dict[TargetKey, JudgeState | None] = field(default_factory=dict)
    seen: dict[TargetKey, int] = field(default_factory=dict)

    def learn(self, target: Target) -> None:
        """Take note of a version; the same one again changes nothing."""
        self.versions.setdefault((target.tenant, target.target), {}).setdefault(target.version, target)

    def cases(self) -> Cases:
        """Return what may have something to judge: all but what was retired and closed."""
        return {key: tuple(versions.values()) for key, versions in self.versions.items() if self._is_open(key)}

    def _is_open(self, key: TargetKey) -> bool:
        newest = _newest(self.versions[key].values())
        if newest.state == "active" or key not in self.states:
            return True
        state = self.states[key]
        return state is not None and state.version < newest.version

    def moved(self, held: Held) -> None:
        """Move on to what a round found, once it is written."""
        self.states.update(held.states)
        self.seen.update(held.seen)

    @property
    def drifting(self) -> int:
        """How many targets drift now; count."""
        return sum(state is not None and state.drift.since_ms is not None for state in self.states.values())


def hold(
    cases: Cases,
    states: Mapping[TargetKey, JudgeState | None],
    seen: Mapping[TargetKey, int],
    store: Published,
    grid: Grid,
) -> Held:
    """Read what was published since and judge it. Blocks; changes nothing.

    Args:
        cases: What to judge.
        states: States that are known; the others are read.
        seen: How far each case has been judged, where it is known.
        store: Where published rows and stored states are.
        grid: The grids.
    """
    known = {**states, **_read_states([key for key in cases if key not in states], store)}
    ready = {key: versions for key, versions in cases.items() if _knows_enough(versions, known[key])}
    since = {key: seen.get(key, _begin(versions, known[key])) for key, versions in ready.items()}
    sheets, until = _news(ready, since, store, grid)
    rulings = {
        key: ruling
        for key, versions in ready.items()
        if (ruling := rule(versions, known[key], sheets.get(key, ()), grid.of(_newest(versions)))).entries
    }
    judged = {key: ruling.entries[-1].state for key, ruling in rulings.items()}
    return Held(
        rulings=rulings,
        states={**{key: known[key] for key in cases}, **judged},
        seen={key: max(since[key], until.get(key, 0)) for key in ready},
    )


def _read_states(keys: Collection[TargetKey], store: Published) -> dict[TargetKey, JudgeState | None]:
    found = store.states({tenant for tenant, _ in keys}) if keys else {}
    return {key: found.get(key) for key in keys}


def _knows_enough(versions: Sequence[Target], state: JudgeState | None) -> bool:
    """Say whether the version that judged last is known here: if not, the topic has not been read far enough."""
    return state is None or state.version <= _newest(versions).version


def _begin(versions: Sequence[Target], state: JudgeState | None) -> int:
    return state.at_ms if state is not None else min(version.valid_from_ms for version in versions)


def _newest(versions: Iterable[Target]) -> Target:
    return max(versions, key=lambda version: version.version)


def _news(
    cases: Cases, since: Mapping[TargetKey, int], store: Published, grid: Grid
) -> tuple[dict[TargetKey, Sequence[Sheet]], dict[TargetKey, int]]:
    """Return what each case has to be judged by, and up to when that is complete."""
    newest = {key: _newest(versions) for key, versions in cases.items()}
    blocks = {key: key[0] for key, target in newest.items() if INDICATORS[target.indicator].reads == "blocks"}
    windows = {key: (key[0], target.metric) for key, target in newest.items() if key not in blocks}
    epochs = store.epochs(_earliest(blocks, since))
    ends, before = _windows(_earliest(windows, since), store, grid.windows.unit_ms)
    sheets: dict[TargetKey, Sequence[Sheet]] = {
        **{key: epochs[tenant] for key, tenant in blocks.items() if tenant in epochs},
        **{key: ends[metric] for key, metric in windows.items() if metric in ends},
    }
    until = {
        **{key: epochs[tenant][-1].at_ms for key, tenant in blocks.items() if tenant in epochs},
        **{key: before[metric] for key, metric in windows.items() if metric in before},
    }
    return sheets, until


def _earliest(groups: Mapping[TargetKey, K], since: Mapping[TargetKey, int]) -> dict[K, int]:
    """Return for each group the least instant among its targets."""
    members: dict[K, list[int]] = defaultdict(list)
    for key, group in groups.items():
        members[group].append(since[key])
    return {group: min(instants) for group, instants in members.items()}


def _windows(
    since: Mapping[MetricKey, int], store: Published, unit_ms: int
) -> tuple[dict[MetricKey, list[WindowEnd]], dict[MetricKey, int]]:
    """Return newly closed windows: of all who are nearly up to date, and of those who are furthest behind."""
    closed = store.closed() if since else None
    if closed is None:
        return {}, {}
    span_ms = MAX_WINDOWS * unit_ms
    found: dict[MetricKey, list[WindowEnd]] = {}
    until: dict[MetricKey, int] = {}
    for keys in _convoys(since, closed.before_ms - span_ms, span_ms):
        after_ms = min(since[key] for key in keys)
        before_ms = min(closed.before_ms, after_ms + span_ms)
        if (after_ms // unit_ms + 1) * unit_ms < before_ms:
            found.update(store.windows(keys, closed, after_ms=after_ms, before_ms=before_ms))
            until.update(dict.fromkeys(keys, before_ms - 1))
    return found, until


def _convoys(since: Mapping[MetricKey, int], recent_ms: int, span_ms: int) -> list[list[MetricKey]]:
    recent = [key for key, instant in since.items() if instant > recent_ms]
    behind = {key: instant for key, instant in since.items() if instant <= recent_ms}
    last_ms = min(behind.values(), default=0) + span_ms
    return [keys for keys in (recent, [key for key, instant in behind.items() if instant < last_ms]) if keys]
