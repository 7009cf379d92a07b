"""Service level and experience level of one target, followed from published rows to alerts. Pure.

Published tickets and answers come in *buckets*: closed periods by country and service. All of a target's buckets, from
the start of a calendar period on, are folded anew each time (`streams.watermelon`), so there is no state to keep, and
whoever looks finds the same episodes with the same ids.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from streams.alert_ids import alert_id, dedup_key
from streams.alerts import RETIRED, clock
from streams.events.judging import Alert, Target
from streams.life_cycle import POLICIES, softened
from streams.scores import Counts, display_interval, happiness
from streams.targets.periods import period_start
from streams.targets.versions import version_at
from streams.watermelon import NEW, NO_TICKETS, Goals, Instant, Kept, Tandem, Turn, read, step, wilson
from streams.why.telling import place

DETECTOR = "watermelon"
DIMENSIONS = frozenset({"country", "service"})
"""What the service level is published by."""
SLA_GOAL = 90.0
"""Percent of the tickets that should keep the service level; as in the view `watermelon`."""
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


def follow_target(versions: Sequence[Target], cells: Iterable[Cell], *, bucket_ms: int) -> list[Alert]:
    """Return all states of all watermelon episodes of a target, in order.

    Args:
        versions: All known versions.
        cells: What was published, from the start of a calendar period on, in any order.
        bucket_ms: Length of a bucket; milliseconds.
    """
    tandem, alerts = NEW, []
    for end_ms, mine in sorted(_by_end(versions, cells).items()):
        target = version_at(versions, end_ms)
        if target is None or target.state != "active" or not is_tandem(target):
            continue
        instant = Instant(
            at_ms=end_ms,
            period_ms=period_start(target.period, end_ms),
            kept=tuple(cell.kept for cell in mine),
            answers=tuple(cell.answers for cell in mine),
        )
        goals = Goals(sla=SLA_GOAL, xla=target.objective, hold_ms=HOLD_BUCKETS * bucket_ms)
        tandem, turns = step(tandem, instant, goals)
        alerts += [_alert(turn, target, _REASONS[turn.kind]) for turn in turns if turn.state == "watermelon"]
    return [*alerts, *_retired(tandem, versions)]


def _retired(tandem: Tandem, versions: Sequence[Target]) -> list[Alert]:
    """Return the end of an episode whose target was retired; nothing else ends it then."""
    newest = max(versions, key=lambda version: version.version)
    if newest.state != "retired" or tandem.state != "watermelon":
        return []
    goals = Goals(sla=SLA_GOAL, xla=newest.objective, hold_ms=0)
    reading = read(max(newest.valid_from_ms, tandem.at_ms), tandem.kept, tandem.answers, goals)
    turn = Turn(kind="exit", state="watermelon", since_ms=tandem.since_ms, reading=reading)
    return [_alert(turn, newest, RETIRED)]


def _by_end(versions: Sequence[Target], cells: Iterable[Cell]) -> dict[int, list[Cell]]:
    """Return a target's cells by the end of their period; a period without any of them is a look, too."""
    by_end: dict[int, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_end[cell.end_ms].append(cell)
    return {end_ms: _mine(version_at(versions, end_ms), some) for end_ms, some in by_end.items()}


def _mine(target: Target | None, cells: Iterable[Cell]) -> list[Cell]:
    if target is None:
        return []
    return [cell for cell in cells if all(cell.where.get(name) == value for name, value in target.slice.items())]


def _alert(turn: Turn, target: Target, reason: str) -> Alert:
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
        summary=_summary(turn, target),
        runbook=target.runbook,
        kind="watermelon",
    )


_REASONS = {"entry": "the service level is kept and people are unhappy", "exit": "it is so no longer"}


def _summary(turn: Turn, target: Target) -> str:
    where = place(target.slice)
    heads = {"entry": "The service level is met and people are unhappy", "exit": "The watermelon is over"}
    raised = f"Alert raised {clock(turn.since_ms)}{'' if turn.kind == 'entry' else f', ended {clock(turn.at_ms)}'}."
    sentences = (
        f"{heads[turn.kind]}: {where or 'the whole organisation'}.",
        f"This {target.period}: {_service(turn)}; {_people(turn, target)}.",
        raised,
        f"Runbook: {target.runbook}",
    )
    return " ".join(sentences)[:2000]


def _service(turn: Turn) -> str:
    kept, shown = turn.reading.kept, wilson(turn.reading.kept)
    if shown is None:
        return "no tickets"
    interval = f"95 % interval {100 * shown.lower:.1f} to {100 * shown.upper:.1f} %"
    return f"{kept.made} of {kept.tickets} tickets in time ({interval}, goal {SLA_GOAL:g} %)"


def _people(turn: Turn, target: Target) -> str:
    score, shown = happiness(turn.reading.answers), display_interval(turn.reading.answers)
    if score is None or shown is None:
        return "no answers"
    interval = f"95 % interval {shown.lower:.1f} to {shown.upper:.1f}"
    return f"happiness {score:.1f} against {target.objective:g} ({interval}, {turn.reading.answers.n} answers)"
