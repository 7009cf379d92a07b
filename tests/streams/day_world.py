"""A simulated day as it is judged: the real pure parts, put together as the agents do it, round by round.

The families are judged, watermelons are looked for, what calls is explained, and drifts of nothing but mix are marked.
What is usual is learned by the same code on five quiet working days, once per process.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec

from agents.docket import Held
from agents.explaining import Explaining
from agents.judge_news import Grid
from agents.judge_replay import doubtful, key_of, marked, without_mix
from agents.judge_store import TargetKey
from agents.judge_tandem import Tandems
from agents.links import Bases
from agents.why_store import LONG_MS, MOST_SERIES_WINDOWS, MOST_WINDOWS, QUARTER_MS, WhyStore
from streams.blocks import Answer
from streams.events.judging import Alert, Target
from streams.judging.absence import AbsenceState, Heard, listen
from streams.judging.rounds import Case, Papers, Ruling, rule_family
from streams.judging.sheets import Sheet
from streams.judging.shift import shifted
from streams.judging.tandem import Cell
from streams.judging.verdicts import JudgeState, Ruler
from streams.simulate.day import DAY, PLACES, quiet
from streams.simulate.names import CRASH, RESPONSE_TIME
from streams.simulate.scenario import Scenario
from streams.simulate.truths import (
    GOOD_TIME_BY_APPLICATION,
    HAPPINESS_BY_COUNTRY,
    HAPPINESS_BY_COUNTRY_AND_SERVICE,
    HAPPINESS_BY_SERVICE,
    target_id,
)
from streams.targets.periods import period_start
from streams.targets.versions import promise_of
from streams.why.coincidences import Happening
from streams.why.explanation import Question
from streams.why.figures import Row, answers_of, window_rows, within
from streams.why.shifts import Series, shift_of
from tests.streams.day_books import (
    DAY_MS,
    HOUR_MS,
    MONDAY_MS,
    START_MS,
    TENANT,
    Books,
    at_place,
    heard,
    organisation,
    play,
    publish,
)
from tests.streams.judged import GOOD, HAPPY

QUIET_SEED = 1_000
GRID = Grid(
    epochs=Ruler(unit_ms=DAY.epoch_ms, per_observation=DAY.k), windows=Ruler(unit_ms=DAY.window_ms, per_observation=1)
)


def _target(like: Target, name: str, slice_: Mapping[str, str]) -> Target:
    return msgspec.structs.replace(
        like, tenant=TENANT, target=name, slice=dict(slice_), valid_from_ms=START_MS, period="day",
        window_s=7 * 86_400, run_length=200_000.0, recovery_length=1_000.0,
    )  # fmt: skip


def _service(service: str) -> Target:
    """Return a promise over all countries. It is a lower one, as another mixture in one of them moves all services.

    At the edge of a promise chance and mixture together raise a drift, and nobody can tell which of them it was.
    """
    one = _target(HAPPY, target_id(HAPPINESS_BY_SERVICE, service=service), {"service": service})
    return msgspec.structs.replace(one, objective=55.0)


def _good(application: str) -> Target:
    one = _target(GOOD, target_id(GOOD_TIME_BY_APPLICATION, application=application), {"application": application})
    return msgspec.structs.replace(
        one, metric=RESPONSE_TIME, run_length=5_000.0, recovery_length=12.0, burn=["6@21600s/3600s"]
    )


@lru_cache(maxsize=1)
def families() -> Sequence[Sequence[Target]]:
    """Return the promises: happiness by country, by service and by both; good time by application."""
    countries, services = organisation().countries, organisation().services
    happy = [
        *(_target(HAPPY, target_id(HAPPINESS_BY_COUNTRY, country=c), {"country": c}) for c in countries),
        *(_service(service) for service in services),
        *(
            _target(HAPPY, target_id(HAPPINESS_BY_COUNTRY_AND_SERVICE, country=c, service=s), at_place(c, s))
            for c, s in PLACES
        ),
    ]
    return happy, [_good(application) for application in organisation().applications]


class Memory(WhyStore):
    """What explains alerts, from published rows in memory, cut as the store's questions cut them."""

    def __init__(self, books: Books) -> None:
        self._books, self._metrics = books, {}

    def answers(self, tenant: str, question: Question) -> tuple[list[Row], list[Row]]:
        spans: tuple[list[Row], list[Row]] = [], []
        for epoch in self._books.epochs:
            if question.since_ms - question.reach_ms < epoch.at_ms <= question.until_ms:
                rows = [answers_of(b.labels, b.counts) for b in epoch.blocks if within(b.labels, question.slice)]
                spans[epoch.at_ms >= question.since_ms].extend(rows)
        return spans

    def windows(self, target: Target, question: Question, unit_ms: int) -> tuple[list[Row], list[Row]]:
        spans: tuple[list[Row], list[Row]] = [], []
        reach_ms = MOST_WINDOWS * unit_ms
        first_ms = question.since_ms - min(question.reach_ms, reach_ms)
        for window in self._books.windows:
            if first_ms <= window.at_ms <= min(question.until_ms, question.since_ms + reach_ms):
                mine = [(r.labels, r.good_ms, r.attempted_ms) for r in window.rows if within(r.labels, question.slice)]
                spans[window.at_ms >= question.since_ms].extend(window_rows(mine))
        return spans

    def changes(self, tenant: str, question: Question) -> list[Happening]:
        first_ms = question.since_ms - question.reach_ms
        return [one for one in self._books.changes if first_ms <= one.at_ms <= question.until_ms]

    def shifts(self, target: Target, question: Question, unit_ms: int) -> list[Happening]:
        is_long = question.until_ms - question.since_ms >= LONG_MS
        window_ms = QUARTER_MS if is_long else unit_ms
        first_ms = question.since_ms - min(question.reach_ms, 7 * DAY_MS if is_long else MOST_SERIES_WINDOWS * unit_ms)
        names = [
            name for name in ("country", "service", "application") if name in question.slice or name == "application"
        ]
        sums: dict[tuple[str, tuple[str, ...]], dict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
        for metric, end_ms, labels, bad, whole in self._points(target.metric):
            if first_ms < end_ms <= question.until_ms and within({**question.slice, **labels}, question.slice):
                cell = sums[metric, tuple(labels[name] for name in names)][-(-end_ms // window_ms) * window_ms]
                cell[0] += bad
                cell[1] += whole
        found = (
            Series(
                metric=metric, where=dict(zip(names, key, strict=True)), worse="higher", points=_levels(metric, cells)
            )
            for (metric, key), cells in sorted(sums.items())
        )
        shifts = (shift_of(series, since_ms=question.since_ms, window_ms=window_ms) for series in found)
        return [shift for shift in shifts if shift is not None]

    def _points(self, but: str) -> Iterable[tuple[str, int, Mapping[str, str], int, int]]:
        if but != RESPONSE_TIME:
            for window in self._books.windows:
                for row in window.rows:
                    yield RESPONSE_TIME, window.at_ms, row.labels, row.attempted_ms - row.good_ms, row.attempted_ms
        for end_ms, labels, n in self._books.crashes:
            yield CRASH, end_ms, labels, n, 0


def _levels(metric: str, cells: Mapping[int, Sequence[int]]) -> list[tuple[int, int]]:
    return [
        (end_ms, 1_000 * bad if metric == CRASH else 1_000_000 * bad // whole)
        for end_ms, (bad, whole) in sorted(cells.items())
    ]


@dataclass(frozen=True)
class _Cells:
    """Where closed periods are, for `Tandems`."""

    books: Books

    def cells(self, tenant: str, *, after_ms: int, until_ms: int, bucket_ms: int) -> list[Cell]:
        return [cell for cell in self.books.cells if after_ms < cell.end_ms <= until_ms]


@dataclass
class Court:
    """The judge, between two rounds."""

    states: dict[TargetKey, JudgeState | None] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)

    def newest(self, episodes: Iterable[tuple[str, str]]) -> list[Alert]:
        wanted = set(episodes)
        return list({key_of(alert): alert for alert in self.alerts if key_of(alert) in wanted}.values())

    def hold(self, sheets: Sequence[Sequence[Sheet]]) -> Held:
        """Judge both families."""
        rulings: dict[TargetKey, Ruling] = {}
        for family, some in zip(families(), sheets, strict=True):
            ruler = GRID.windows if family[0].metric else GRID.epochs
            cases = {one.target: Case(versions=[one], state=self.states.get((TENANT, one.target))) for one in family}
            found = rule_family(cases, Papers(sheets=some), ruler)
            rulings |= {(TENANT, name): ruling for name, ruling in found.items() if ruling.entries}
        self.states |= {key: ruling.entries[-1].state for key, ruling in rulings.items()}
        return Held(rulings=rulings, states=dict(self.states), seen={})

    def round(self, sheets: Sequence[Sequence[Sheet]], until_ms: int, explaining: Explaining, tandems: Tandems) -> None:
        """Hold one round as `agents.judge` does."""
        cases = {(TENANT, one.target): [one] for family in families() for one in family}
        held = self.hold(sheets)
        found, due = tandems.look(cases, held, self)
        alerts = [*held.alerts, *found]
        told = {key_of(alert) for alert in self.alerts if alert.calls == "yes"} & doubtful(alerts, until_ms)
        self.alerts += without_mix(explaining.explained(marked(alerts, told, until_ms), cases, held))
        tandems.looked(due)


@lru_cache(maxsize=1)
def learned() -> tuple[Books, Sequence[Answer], Mapping[TargetKey, JudgeState | None]]:
    """Return what five quiet working days published, and what the judge knows after them."""
    books, waiting = Books(), list[Answer]()
    for number in range(5):
        begin_ms = MONDAY_MS + number * DAY_MS
        more, waiting = publish(play(quiet(TENANT), QUIET_SEED + number, begin_ms), begin_ms, waiting)
        books = books.with_(more)
    sheets: tuple[Sequence[Sheet], ...] = books.epochs, heard(books.windows, (), MONDAY_MS, START_MS)
    states = {
        (TENANT, one.target): _usual(one, some)
        for family, some in zip(families(), sheets, strict=True)
        for one in family
    }
    return books, waiting, states


def _usual(target: Target, sheets: Iterable[Sheet]) -> JudgeState:
    """Return the state of a target that has only listened: what is usual is all that takes days to learn."""
    absence, shift, at_ms = AbsenceState(), None, 0
    for sheet in sheets:
        step, at_ms = sheet.step(target.slice), sheet.at_ms
        absence = listen(absence, Heard(at_ms=at_ms, chances=step.chances, hits=step.hits), level=math.inf)
        shift = shifted(shift, target, step.observations, at_ms=at_ms, unit_ms=DAY.window_ms)
    return JudgeState(
        version=1,
        promise=promise_of(target),
        promised_ms=target.valid_from_ms,
        at_ms=at_ms,
        period_ms=period_start(target.period, at_ms),
        absence=absence,
        shift=shift,
        heard_ms=absence.silent_ms,
    )


def alerts_of(scenario: Scenario, seed: int) -> list[Alert]:
    """Return all alerts of a day, as they are published."""
    past, waiting, states = learned()
    today, _ = publish(play(scenario, seed, START_MS), START_MS, waiting)
    books, court = past.with_(today), Court(states=dict(states))
    explaining, tandems = Explaining(Memory(books), GRID, Bases()), Tandems(_Cells(books), DAY.period_ms)
    windows = heard(today.windows, past.windows, START_MS, START_MS + DAY_MS)
    for until_ms in range(START_MS + HOUR_MS, START_MS + DAY_MS + 1, HOUR_MS):
        span = range(until_ms - HOUR_MS + 1, until_ms + 1)
        sheets = [[s for s in some if s.at_ms in span] for some in (today.epochs, windows)]
        court.round(sheets, until_ms, explaining, tandems)
    return court.alerts
