"""Service level and experience level of one target, followed from published rows to alerts. Pure.

Published tickets and answers come in *buckets*: closed periods by country and service. All of a target's buckets, from
the start of a calendar period on, are folded anew each time (`streams.judging.watermelon`), so there is no state to
keep, and whoever looks finds the same episodes with the same ids.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from streams.events.judging import Alert, Target
from streams.judging.alert_ids import alert_id, dedup_key
from streams.judging.alerts import EXPLAINER_ENDED, RETIRED, clock
from streams.judging.kinship import LEAST_REST
from streams.judging.life_cycle import EXPLAINED, POLICIES, softened
from streams.judging.watermelon import NEW, NO_TICKETS, Goals, Instant, Kept, Tandem, Turn, read, step, wilson
from streams.scores import Counts, display_interval, happiness
from streams.targets.periods import period_start
from streams.targets.versions import version_at
from streams.why.telling import place

DETECTOR = "watermelon"
DIMENSIONS = frozenset({"country", "service"})
"""What the service level is published by."""
HOLD_BUCKETS = 1
"""A state has to be shown by two looks in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one closed period published at one place; counts.

    Attributes:
        end_ms: End of the period; ms UTC.
        where: Country and service; empty = unknown, "*" = several.
    """

    end_ms: int
    where: Mapping[str, str]
    kept: Kept = NO_TICKETS
    answers: Counts = field(default_factory=Counts)


def is_tandem(target: Target) -> bool:
    """Return whether a target has a service level beside it: happiness, by country and service at most."""
    return target.indicator == "happiness" and set(target.slice) <= DIMENSIONS


@dataclass(slots=True)
class Track:
    """One target while it is followed.

    Attributes:
        versions: All known versions.
        begin_ms: Cells up to here are not looked at: the start of a calendar period; ms UTC.
        tandem: After the last instant.
        inhibited_by: Id of the watermelon of a more general slice that explains this one; empty = it calls.
        is_over: It was retired.
    """

    versions: Sequence[Target]
    begin_ms: int = 0
    tandem: Tandem = NEW
    inhibited_by: str = ""
    is_over: bool = False
    alerts: list[Alert] = field(default_factory=list)

    @property
    def newest(self) -> Target:
        """The version with the largest number."""
        return max(self.versions, key=lambda version: version.version)

    @property
    def open_id(self) -> str:
        """Id of the open watermelon; empty = there is none."""
        if self.tandem.state != "watermelon" or self.is_over:
            return ""
        return alert_id(self.newest.tenant, self.newest.target, DETECTOR, self.tandem.since_ms)

    def told(self, turn: Turn, target: Target, reason: str) -> None:
        """Publish a turn of a watermelon."""
        self.alerts.append(_alert(turn, target, reason, self.inhibited_by))

    def ended(self, at_ms: int, target: Target, reason: str) -> None:
        """End an open watermelon for a reason from outside; what is still so has to be shown anew."""
        goals = Goals(sla=target.sla_goal, xla=target.objective, hold_ms=0)
        reading = read(max(at_ms, self.tandem.at_ms), self.tandem.kept, self.tandem.answers, goals)
        turn = Turn(kind="exit", state="watermelon", since_ms=self.tandem.since_ms, reading=reading)
        self.told(turn, target, reason)
        self.tandem = replace(self.tandem, state="undecided", since_ms=0, shown="undecided", absent_ms=None)
        self.inhibited_by = ""


def follow_target(versions: Sequence[Target], cells: Iterable[Cell], *, bucket_ms: int) -> list[Alert]:
    """Return all states of all watermelon episodes of a target alone, in order; see `follow_family`."""
    return follow_family([Track(versions)], cells, bucket_ms=bucket_ms)


def follow_family(tracks: Sequence[Track], cells: Iterable[Cell], *, bucket_ms: int) -> list[Alert]:
    """Return all states of all watermelon episodes of some targets of a tenant, target by target.

    A watermelon of a more general slice speaks for that of a more special one if, without the answers of that one, it
    falls short by at least 80 % of what that one does. When it ends, the other one ends, too, and is looked at afresh.

    Args:
        tracks: The targets, at their beginning.
        cells: What was published, in any order.
        bucket_ms: Length of a bucket; milliseconds.
    """
    by_end: dict[int, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_end[cell.end_ms].append(cell)
    ordered = sorted(tracks, key=lambda track: (len(track.newest.slice), track.newest.target))
    for end_ms, some in sorted(by_end.items()):
        for track in ordered:
            _retire(track, end_ms)
            if end_ms > track.begin_ms and not track.is_over:
                _look(track, end_ms, some, ordered, bucket_ms)
    for track in ordered:
        _retire(track, 1 << 62)
    return [alert for track in tracks for alert in track.alerts]


def _look(track: Track, end_ms: int, cells: Iterable[Cell], family: Sequence[Track], bucket_ms: int) -> None:
    """Take a target through one instant; a period without any of its cells is a look, too."""
    target = version_at(track.versions, end_ms)
    if target is None or target.state != "active" or not is_tandem(target):
        return
    if track.inhibited_by and all(one.open_id != track.inhibited_by for one in family):
        track.ended(end_ms, target, EXPLAINER_ENDED)
    mine = _mine(target, cells)
    instant = Instant(
        at_ms=end_ms,
        period_ms=period_start(target.period, end_ms),
        kept=tuple(cell.kept for cell in mine),
        answers=tuple(cell.answers for cell in mine),
    )
    goals = Goals(sla=target.sla_goal, xla=target.objective, hold_ms=HOLD_BUCKETS * bucket_ms)
    track.tandem, turns = step(track.tandem, instant, goals)
    for turn in turns:
        if turn.state == "watermelon":
            if turn.kind == "entry":
                track.inhibited_by = next((one.open_id for one in family if _speaks_for(one, track)), "")
            track.told(turn, target, _REASONS[turn.kind])
            track.inhibited_by = track.inhibited_by if turn.kind == "entry" else ""


def _speaks_for(parent: Track, child: Track) -> bool:
    """Say whether an open watermelon is as bad as that of a part of it, without the answers of that part."""
    whole, part = parent.newest, child.newest
    if not whole.slice.items() < part.slice.items() or not parent.open_id or parent.inhibited_by:
        return False
    mine, all_ = child.tandem, parent.tandem
    if (mine.at_ms, mine.period_ms) != (all_.at_ms, all_.period_ms):
        return False
    rest = _without(all_.answers, mine.answers)
    if rest.n < LEAST_REST * mine.answers.n:
        return False
    return 0.0 < EXPLAINED * _shortfall(mine.answers, part) <= _shortfall(rest, whole)


def _without(answers: Counts, part: Counts) -> Counts:
    return Counts(
        detractors=answers.detractors - part.detractors,
        neutrals=answers.neutrals - part.neutrals,
        promoters=answers.promoters - part.promoters,
    )


def _shortfall(answers: Counts, target: Target) -> float:
    score = happiness(answers)
    return 0.0 if score is None else target.objective - score


def _retire(track: Track, end_ms: int) -> None:
    """End the episode of a target that was retired before an instant; nothing else ends it then."""
    newest = track.newest
    if newest.state != "retired" or newest.valid_from_ms >= end_ms or track.is_over:
        return
    if track.tandem.state == "watermelon":
        track.ended(newest.valid_from_ms, newest, RETIRED)
    track.is_over = True


def _mine(target: Target, cells: Iterable[Cell]) -> list[Cell]:
    return [cell for cell in cells if all(cell.where.get(name) == value for name, value in target.slice.items())]


def _alert(turn: Turn, target: Target, reason: str, inhibited_by: str) -> Alert:
    reading, shown = turn.reading, display_interval(turn.reading.answers)
    return Alert(
        tenant=target.tenant,
        alert_id=alert_id(target.tenant, target.target, DETECTOR, turn.since_ms),
        dedup_key=dedup_key(target.tenant, target.target, DETECTOR),
        sequence=0 if turn.kind == "entry" else 1,
        target=target.target,
        version=target.version,
        detector=DETECTOR,
        state="firing" if turn.kind == "entry" else "resolved",
        reason=reason,
        severity=softened(target.severity, POLICIES["watermelon"].softer),
        started_at_ms=turn.since_ms,
        at_ms=turn.at_ms,
        slice=target.slice,
        objective=target.objective,
        score=happiness(reading.answers),
        lower=shown.lower if shown else None,
        upper=shown.upper if shown else None,
        n=reading.answers.n,
        coverage=None,
        summary=_summary(turn, target, is_inhibited=bool(inhibited_by)),
        runbook=target.runbook,
        kind="watermelon",
        calls="inhibited" if inhibited_by else "yes",
        inhibited_by=inhibited_by,
    )


_REASONS = {"entry": "the service level is kept and people are unhappy", "exit": "it is so no longer"}


def _summary(turn: Turn, target: Target, *, is_inhibited: bool) -> str:
    where = place(target.slice)
    heads = {"entry": "The service level is met and people are unhappy", "exit": "The watermelon is over"}
    raised = f"Alert raised {clock(turn.since_ms)}{'' if turn.kind == 'entry' else f', ended {clock(turn.at_ms)}'}."
    sentences = (
        f"{heads[turn.kind]}: {where or 'the whole organisation'}.",
        f"This {target.period}: {_service(turn, target.sla_goal)}; {_people(turn, target)}.",
        *(["Another alert explains it; this one calls nobody."] if is_inhibited else []),
        raised,
        f"Runbook: {target.runbook}",
    )
    return " ".join(sentences)[:2000]


def _service(turn: Turn, goal: float) -> str:
    kept, shown = turn.reading.kept, wilson(turn.reading.kept)
    if shown is None:
        return "no tickets"
    interval = f"95 % interval {100 * shown.lower:.1f} to {100 * shown.upper:.1f} %"
    return f"{kept.made} of {kept.tickets} tickets in time ({interval}, goal {goal:g} %)"


def _people(turn: Turn, target: Target) -> str:
    score, shown = happiness(turn.reading.answers), display_interval(turn.reading.answers)
    if score is None or shown is None:
        return "no answers"
    interval = f"95 % interval {shown.lower:.1f} to {shown.upper:.1f}"
    return f"happiness {score:.1f} against {target.objective:g} ({interval}, {turn.reading.answers.n} answers)"
