"""One round of judging: what was published since the last one, folded instant by instant for a family of targets. Pure.

A family is a tenant's targets of one indicator and metric: they are judged by the same sheets, and one of them may
explain another. Within an instant, targets with fewer dimensions come first, so that a parent has been decided when its
children are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from streams.detect.drift import DriftState, Onset
from streams.events.judging import Alert, AlertKind, Target, Verdict
from streams.judging.absence import AbsenceState
from streams.judging.actions import Order, Standing, standing
from streams.judging.alert_ids import alert_id
from streams.judging.alerts import RETIRED, alert_of, detector_name, rolling_figures
from streams.judging.kinship import Relative, explainers_of
from streams.judging.life_cycle import POLICIES, Around, Episode, Explainer, Signal, advance, end
from streams.judging.sheets import LISTEN, Epoch, ReleasedBlock, Sheet, WindowEnd, WindowRow, with_silence
from streams.judging.signals import SIGNALS, Seen, severity_of
from streams.judging.state import FORMAT
from streams.judging.verdicts import (
    JudgeState,
    Ruler,
    Step,
    begun,
    detector_for,
    judge_epoch,
    verdict_begin,
    verdict_of,
)
from streams.targets.versions import version_at


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A target to judge: all its known versions, and its newest state (None = it was never judged)."""

    versions: Sequence[Target]
    state: JudgeState | None

    @property
    def newest(self) -> Target:
        """The version with the largest number."""
        return max(self.versions, key=lambda version: version.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What a round judges by.

    Attributes:
        sheets: In time order; what a state contains already is left out.
        orders: Actions of the tenant that were written down until the last sheet, at least; in any order.
        past: Earlier sheets, as far back as exclusions reach that were not known before; in any order.
    """

    sheets: Sequence[Sheet]
    orders: Sequence[Order] = ()
    past: Sequence[Sheet] = ()

    def until(self, at_ms: int) -> list[Sheet]:
        """Return the sheets before an instant, each once."""
        known = {sheet.at_ms: sheet for sheet in (*self.past, *self.sheets) if sheet.at_ms < at_ms}
        return [known[instant] for instant in sorted(known)]


def rule(versions: Sequence[Target], state: JudgeState | None, sheets: Sequence[Sheet], ruler: Ruler) -> Ruling:
    """Judge one target alone through the sheets that its state does not contain yet; see `rule_family`."""
    case = Case(versions=versions, state=state)
    return rule_family({"": case}, Papers(sheets=sheets), ruler)[""]


def rule_family(cases: Mapping[str, Case], papers: Papers, ruler: Ruler) -> dict[str, Ruling]:
    """Judge the targets of one family through what they do not contain yet.

    Args:
        cases: By any name.
        papers: What to judge by.
        ruler: The grid.

    Returns:
        Per case the ledger rows in order, and the alerts that follow. Nothing for a case whose state comes from a
        version that is not among its versions: somebody knew more, so judging waits until it is known here too.
    """
    benches = {name: _Bench(case) for name, case in cases.items() if _knows_enough(case)}
    order = sorted(benches.values(), key=lambda bench: (len(bench.newest.slice), bench.newest.target))
    for sheet in papers.sheets:
        for bench in order:
            if (target := bench.due(sheet, ruler)) is not None:
                bench.judge(target, sheet, papers, ruler, order)
    for bench in order:
        bench.retire()
    return {name: benches[name].ruling() if name in benches else Ruling() for name in cases}


def _knows_enough(case: Case) -> bool:
    return case.state is None or case.state.version <= case.newest.version


@dataclass(slots=True)
class _Bench:
    """One target while its round lasts."""

    case: Case
    state: JudgeState | None = field(init=False)
    newest: Target = field(init=False)
    entries: list[Entry] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state, self.newest = self.case.state, self.case.newest
        if self.state is not None:
            self.state = _in_format(self.state, self.newest)

    @property
    def relative(self) -> Relative:
        """What others may know of it."""
        return Relative(target=self.newest, state=self.state)

    def due(self, sheet: Sheet, ruler: Ruler) -> Target | None:
        """Return the version that judges a sheet; None if none does, or it is judged already."""
        target, state = version_at(self.case.versions, sheet.at_ms), self.state
        if target is None or not _is_judged(target, self.newest) or (state and sheet.at_ms <= state.at_ms):
            return None
        return target if not sheet.is_silent or _listens(state, sheet, ruler) else None

    def judge(self, target: Target, sheet: Sheet, papers: Papers, ruler: Ruler, family: Sequence["_Bench"]) -> None:
        """Fold a sheet into the state, and take every kind of alert through its instant."""
        step = sheet.step(target.slice)
        before = begun(self.state, target, sheet.at_ms)
        found = standing(
            papers.orders,
            target,
            at_ms=sheet.at_ms,
            unit_ms=ruler.unit_ms,
            since_ms=verdict_begin(before, target, sheet.at_ms),
        )

        def past() -> Iterable[Step]:
            return (old.step(target.slice) for old in papers.until(sheet.at_ms))

        judged = judge_epoch(before if self.state else None, target, step, ruler, standing=found, past=past)
        # Whoever has no episode explains nothing: of hundreds of targets that is nearly all, at every instant.
        others = [one.relative for one in family if one is not self and one.state and one.state.episodes]
        heard_ms = judged.state.heard_ms if sheet.is_silent else sheet.at_ms
        state = msgspec.structs.replace(judged.state, heard_ms=heard_ms)
        for kind in SIGNALS:
            burned = _is_alive(_episode(state, "slow_burn"))
            seen = Seen(target=target, state=state, verdict=judged.verdict, step=step, burned=burned)
            self.state = state  # what explains one kind may have been decided for another
            speaking = explainers_of(self.relative, kind, others, at_ms=sheet.at_ms, is_silent=sheet.is_silent)
            state = self._live(SIGNALS[kind](seen), seen, found, speaking, ruler)
        self.state = _tidied(state)
        verdict = msgspec.structs.replace(judged.verdict, drifting=state.drift.since_ms is not None)
        self.entries.append(Entry(verdict=verdict, state=self.state))

    def _live(
        self, signal: Signal, seen: Seen, found: Standing, explainers: Sequence[Explainer], ruler: Ruler
    ) -> JudgeState:
        target = seen.target
        around = Around(
            at_ms=seen.state.at_ms,
            unit_ms=ruler.unit_ms,
            name=(target.tenant, target.target, detector_name(signal.kind, target)),
            is_muted=found.is_muted,
            is_acked=found.is_acked,
            explainers=explainers,
        )
        turn = advance(_episode(seen.state, signal.kind), signal, around)
        if turn.is_published:
            self.alerts.append(alert_of(turn, target, seen.verdict, signal.figures))
        state = _with_episode(seen.state, signal.kind, turn.episode)
        return _afresh(state, signal.kind, target, ruler) if turn.starts_afresh else state

    def retire(self) -> None:
        """Add the last row of a retired target, and the end of what is open."""
        target, state = self.newest, self.state
        if target.state != "retired" or state is None or state.version >= target.version:
            return
        at_ms = max(target.valid_from_ms, state.at_ms)
        last = msgspec.structs.replace(
            state,
            version=target.version,
            at_ms=at_ms,
            drift=DriftState(),
            turned=Onset(),
            shift=None,
            promise="",
            episodes=(),
        )
        verdict = verdict_of(last, target, evidence=0.0)
        turns = [end(episode, at_ms, RETIRED) for episode in _in_order(state.episodes)]
        figures = rolling_figures(target, verdict)
        self.alerts += [alert_of(turn, target, verdict, figures) for turn in turns if turn.is_published]
        self.entries.append(Entry(verdict=verdict, state=last))
        self.state = last

    def ruling(self) -> Ruling:
        """Return what the round led to."""
        return Ruling(entries=tuple(self.entries), alerts=tuple(self.alerts))


def _is_judged(target: Target, newest: Target) -> bool:
    """Say whether sheets of the newest version's kind can judge this version."""
    return target.state == "active" and (target.indicator, target.metric) == (newest.indicator, newest.metric)


def _listens(state: JudgeState | None, sheet: Sheet, ruler: Ruler) -> bool:
    """Say whether a target still waits for a metric of which nothing comes."""
    return state is not None and state.heard_ms > 0 and sheet.at_ms - state.heard_ms <= LISTEN * ruler.unit_ms


def _episode(state: JudgeState, kind: AlertKind) -> Episode | None:
    return next((episode for episode in state.episodes if episode.kind == kind), None)


def _is_alive(episode: Episode | None) -> bool:
    return episode is not None and episode.phase != "resolved"


def _in_order(episodes: Iterable[Episode]) -> tuple[Episode, ...]:
    kinds = list(POLICIES)
    return tuple(sorted(episodes, key=lambda episode: kinds.index(episode.kind)))


def _with_episode(state: JudgeState, kind: AlertKind, episode: Episode | None) -> JudgeState:
    others = [one for one in state.episodes if one.kind != kind]
    return msgspec.structs.replace(state, episodes=_in_order([*others, episode] if episode else others))


def _tidied(state: JudgeState) -> JudgeState:
    """Return the state without figures that no alert will tell."""
    is_over = state.drift.since_ms is None and not _is_alive(_episode(state, "drift"))
    return msgspec.structs.replace(state, turned=Onset()) if is_over else state


def _in_format(state: JudgeState, target: Target) -> JudgeState:
    """Return a state from before there were episodes with the one that its detector holds open."""
    since_ms = state.drift.since_ms
    if state.format == FORMAT:
        return state
    state = msgspec.structs.replace(state, format=FORMAT)
    if since_ms is None:
        return state
    episode = Episode(
        kind="drift",
        phase="firing",
        since_ms=since_ms,
        alert_id=alert_id(target.tenant, target.target, detector_name("drift", target), since_ms),
        opened_ms=since_ms,
        sequence=1,
        said_ms=since_ms,
        severity=severity_of("drift", target),
    )
    return _with_episode(state, "drift", episode)


def _afresh(state: JudgeState, kind: AlertKind, target: Target, ruler: Ruler) -> JudgeState:
    """Return the state with what finds this kind at its beginning, and what it has learned."""
    if kind == "drift":
        return msgspec.structs.replace(state, drift=detector_for(target, ruler).fresh(), turned=Onset())
    if kind == "absence":
        heard = state.absence
        return msgspec.structs.replace(state, absence=AbsenceState(parts=heard.parts, silent_ms=heard.silent_ms))
    return state


__all__ = [
    "Case",
    "Entry",
    "Epoch",
    "Papers",
    "ReleasedBlock",
    "Ruling",
    "Sheet",
    "Step",
    "WindowEnd",
    "WindowRow",
    "rule",
    "rule_family",
    "with_silence",
]
