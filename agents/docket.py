"""The judge's docket: the targets that this process judges, how far each one is, and what a round found.

`hold` is the reading and folding half of a round: it asks the store a few questions for all targets together and
changes nothing. The docket moves on only after everything that was found is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agents.judge_news import Bench, Family, Grid, Published, family_of, read_news
from agents.judge_store import TargetKey
from streams.events.judging import Alert, Target
from streams.judging.rounds import Case, Entry, Ruling, rule_family
from streams.judging.verdicts import JudgeState

Cases = Mapping[TargetKey, Sequence[Target]]
"""Target -> its known versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a round found.

    Attributes:
        rulings: Per target, only where there is something to write.
        states: New states, and those read for the first time.
        seen: How far each target has been judged; ms UTC.
        reached: Lane -> up to when it is complete, as far as anybody asked.
    """

    rulings: Mapping[TargetKey, Ruling]
    states: Mapping[TargetKey, JudgeState | None]
    seen: Mapping[TargetKey, int]
    reached: Mapping[str, int] = field(default_factory=dict)

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
    def open_alerts(self) -> int:
        """How many alerts are open now, those among them that another one explains; count."""
        return sum(episode.is_open for state in self.states.values() if state for episode in state.episodes)


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
    families = _families(cases, known)
    benches = {family: _bench(members, cases, known, seen) for family, members in families.items()}
    news = read_news(benches, store, grid)
    rulings: dict[TargetKey, Ruling] = {}
    for family, bench in benches.items():
        found = rule_family(bench.cases, news.papers[family], grid.of(family))
        rulings |= {(family.tenant, target): ruling for target, ruling in found.items() if ruling.entries}
    judged = {key: ruling.entries[-1].state for key, ruling in rulings.items()}
    return Held(
        rulings=rulings,
        states={**{key: known[key] for key in cases}, **judged},
        seen={
            key: max(seen.get(key, 0), news.until.get(family, 0), _begin(cases[key], known[key]))
            for family, members in families.items()
            for key in members
        },
        reached=news.reached,
    )


def _read_states(keys: Collection[TargetKey], store: Published) -> dict[TargetKey, JudgeState | None]:
    found = store.states({tenant for tenant, _ in keys}) if keys else {}
    return {key: found.get(key) for key in keys}


def _families(cases: Cases, known: Mapping[TargetKey, JudgeState | None]) -> dict[Family, list[TargetKey]]:
    """Return the families of which enough is known: a member that is behind holds up those that it may explain."""
    families: dict[Family, list[TargetKey]] = defaultdict(list)
    for key, versions in cases.items():
        families[family_of(_newest(versions))].append(key)
    return {
        family: members
        for family, members in families.items()
        if all(_knows_enough(cases[key], known[key]) for key in members)
    }


def _bench(
    members: Sequence[TargetKey],
    cases: Cases,
    known: Mapping[TargetKey, JudgeState | None],
    seen: Mapping[TargetKey, int],
) -> Bench:
    return Bench(
        cases={key[1]: Case(versions=cases[key], state=known[key]) for key in members},
        since_ms=min(seen.get(key, _begin(cases[key], known[key])) for key in members),
    )


def _knows_enough(versions: Sequence[Target], state: JudgeState | None) -> bool:
    """Say whether the version that judged last is known here: if not, the topic has not been read far enough."""
    return state is None or state.version <= _newest(versions).version


def _begin(versions: Sequence[Target], state: JudgeState | None) -> int:
    return state.at_ms if state is not None else min(version.valid_from_ms for version in versions)


def _newest(versions: Iterable[Target]) -> Target:
    return max(versions, key=lambda version: version.version)
