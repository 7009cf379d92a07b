"""A simulated day through the real pure parts, put together as the agents do it, round by round.

Answers are released in blocks, telemetry closes in windows of enough devices, the families are judged, watermelons are
looked for, what calls is explained, and drifts of nothing but mix are marked. What is usual is learned by the same code
on five quiet working days, once per process.
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
from streams.absence import AbsenceState, Heard, listen
from streams.blocks import DIMENSIONS, Answer, release, rule_of
from streams.events.judging import Alert, Target
from streams.rounds import Case, Papers, Ruling, rule_family
from streams.scores import Counts
from streams.sheets import Epoch, ReleasedBlock, Sheet, WindowEnd, WindowRow, with_silence
from streams.simulate.agenda import Item
from streams.simulate.day import DAY, PLACES, WORLD, quiet
from streams.simulate.names import CRASH, RESPONSE_GOOD_MS, RESPONSE_TIME
from streams.simulate.organisation import Organisation
from streams.simulate.scenario import Scenario
from streams.simulate.timeline import timeline
from streams.simulate.truths import (
    GOOD_TIME_BY_APPLICATION,
    HAPPINESS_BY_COUNTRY,
    HAPPINESS_BY_COUNTRY_AND_SERVICE,
    HAPPINESS_BY_SERVICE,
    target_id,
)
from streams.shift import shifted
from streams.tandem import Cell
from streams.targets.periods import period_start
from streams.targets.versions import promise_of
from streams.verdicts import JudgeState, Ruler
from streams.watermelon import Kept
from streams.why.coincidences import Happening
from streams.why.explanation import Question
from streams.why.figures import Row, answers_of, window_rows, within
from streams.why.shifts import Series, shift_of
from tests.streams.judged import GOOD, HAPPY

TENANT = "t"
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
MONDAY_MS = 1_772_409_600_000
"""2026-03-02 00:00 UTC; the five days from it on are quiet."""
START_MS = MONDAY_MS + 7 * DAY_MS
QUIET_SEED = 1_000
KEY = b"0123456789abcdef"
CHANGE_PLACES = (*DIMENSIONS, "application")
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
def organisation() -> Organisation:
    return quiet(TENANT).organisation(WORLD)


@lru_cache(maxsize=1)
def families() -> Sequence[Sequence[Target]]:
    """Return the promises: happiness by country, by service and by both; good time by application."""
    countries, services = organisation().countries, organisation().services
    happy = [
        *(_target(HAPPY, target_id(HAPPINESS_BY_COUNTRY, country=c), {"country": c}) for c in countries),
        *(_service(service) for service in services),
        *(
            _target(HAPPY, target_id(HAPPINESS_BY_COUNTRY_AND_SERVICE, country=c, service=s), _at(c, s))
            for c, s in PLACES
        ),
    ]
    return happy, [_good(application) for application in organisation().applications]


def _at(country: str, service: str) -> dict[str, str]:
    return {"country": country, "service": service}


@dataclass
class Books:
    """All that was published, oldest first."""

    epochs: list[Epoch] = field(default_factory=list)
    windows: list[WindowEnd] = field(default_factory=list)
    crashes: list[tuple[int, Mapping[str, str], int]] = field(default_factory=list)
    changes: list[Happening] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)

    def with_(self, other: "Books") -> "Books":
        return Books(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


def publish(items: Sequence[Item], begin_ms: int, waiting: Sequence[Answer]) -> tuple[Books, list[Answer]]:
    """Return what a day publishes, and the answers that go on waiting."""
    epochs, waiting = _epochs(items, begin_ms, list(waiting))
    windows = _windows(items)
    cells = [*_tickets(items), *_answers(epochs)]
    return Books(
        epochs, windows, _crashes(items), [_change(i.body) for i in items if i.path == "changes"], cells
    ), waiting


@lru_cache(maxsize=1)
def _countries() -> Mapping[str, str]:
    return {person.id: person.country for person in organisation().people}


def _epochs(items: Sequence[Item], begin_ms: int, waiting: list[Answer]) -> tuple[list[Epoch], list[Answer]]:
    rule, country, first = rule_of(DAY), _countries(), dict[str, Item]()
    for item in items:
        if item.path == "feedback" and item.body["state"] == "final":
            first.setdefault(item.body["response_id"], item)
    queue, scores, epochs = sorted(first.values(), key=lambda item: -item.at_ms), _SCORES, []
    scores |= {name: item.body["score"] for name, item in first.items()}
    for end_ms in range(begin_ms + rule.epoch_ms, begin_ms + DAY_MS + 1, rule.epoch_ms):
        while queue and queue[-1].at_ms + rule.hold_ms <= end_ms:
            waiting.append(_answer(queue.pop(), country))
        built, waiting = release(TENANT, waiting, epoch_end_ms=end_ms, rule=rule, key=KEY)
        blocks = [
            ReleasedBlock(
                dict(zip(DIMENSIONS, block.labels, strict=True)), _counts(scores[m.answer] for m in block.members)
            )
            for block in sorted(built, key=lambda block: block.block)
        ]
        epochs.append(Epoch(end_ms, blocks))
    return epochs, waiting


_SCORES: dict[str, int] = {}


def _answer(item: Item, country: Mapping[str, str]) -> Answer:
    body = {**item.body, "country": country[item.body["person"]]}
    labels = tuple(body.get(name, "") for name in DIMENSIONS)
    return Answer(answer=body["response_id"], log_ms=item.at_ms, person=body["person"], labels=labels)


def _counts(scores: Iterable[int]) -> Counts:
    given = list(scores)
    return Counts(
        detractors=sum(score <= 6 for score in given),
        neutrals=sum(score in (7, 8) for score in given),
        promoters=sum(score >= 9 for score in given),
    )


@lru_cache(maxsize=1)
def _homes() -> Mapping[str, str]:
    return {device.id: device.country for device in organisation().devices}


def _readings(items: Iterable[Item], metric: str) -> Iterable[tuple[int, tuple[str, str, str], Item]]:
    """Yield window, place and reading of what came before its window was closed."""
    homes, services = _homes(), organisation().applications
    for item in items:
        if item.path == "telemetry" and item.body["metric"] == metric:
            body = item.body
            end_ms = (body["event_time_ms"] // DAY.window_ms + 1) * DAY.window_ms
            if item.at_ms <= end_ms + DAY.grace_ms:
                application = body["application"]
                yield end_ms, (homes[body["device"]], services[application], application), item


def _windows(items: Sequence[Item]) -> list[WindowEnd]:
    sums: dict[int, dict[tuple[str, str, str], list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    devices: dict[tuple[int, tuple[str, str, str]], set[str]] = defaultdict(set)
    for end_ms, place, item in _readings(items, RESPONSE_TIME):
        row, covers = sums[end_ms][place], item.body["covers_ms"]
        row[0] += covers * (item.body["value"] <= RESPONSE_GOOD_MS)
        row[1] += covers
        devices[end_ms, place].add(item.body["device"])
    return [
        WindowEnd(
            end_ms,
            [
                WindowRow(_labels(place), *row)
                for place, row in sorted(rows.items())
                if len(devices[end_ms, place]) >= DAY.k
            ],
        )
        for end_ms, rows in sorted(sums.items())
    ]


def _labels(place: Sequence[str]) -> dict[str, str]:
    return dict(zip(("country", "service", "application"), place, strict=True))


def _crashes(items: Sequence[Item]) -> list[tuple[int, Mapping[str, str], int]]:
    found: dict[tuple[int, tuple[str, str, str]], list[str]] = defaultdict(list)
    for end_ms, place, item in _readings(items, CRASH):
        found[end_ms, place].append(item.body["device"])
    return [(end, _labels(place), len(some)) for (end, place), some in sorted(found.items()) if len(set(some)) >= DAY.k]


def _change(body: Mapping[str, object]) -> Happening:
    where = {name: str(body[name]) for name in CHANGE_PLACES if body.get(name)}
    at_ms = int(str(body["event_time_ms"]))
    return Happening(kind=str(body["kind"]), name=str(body["change_id"]), at_ms=at_ms, where=where)


def _tickets(items: Sequence[Item]) -> list[Cell]:
    """Return closed tickets per hour and place of at least k people."""
    country, found = _countries(), defaultdict[tuple[int, str, str], list[tuple[str, bool]]](list)
    for item in items:
        if item.path == "tickets" and item.body["kind"] == "closed":
            body = item.body
            end_ms = (item.at_ms // DAY.period_ms + 1) * DAY.period_ms
            found[end_ms, country[body["person"]], body["service"]].append((body["person"], body["made_sla"]))
    return [
        Cell(end_ms=end_ms, where=_at(*place), kept=Kept(made=sum(made for _, made in some), tickets=len(some)))
        for (end_ms, *place), some in sorted(found.items())
        if len({person for person, _ in some}) >= DAY.k
    ]


def _answers(epochs: Iterable[Epoch]) -> list[Cell]:
    return [
        Cell(
            end_ms=-(-epoch.at_ms // DAY.period_ms) * DAY.period_ms,
            where=_at(block.labels["country"], block.labels["service"]),
            answers=block.counts,
        )
        for epoch in epochs
        for block in epoch.blocks
    ]


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


def heard(windows: Sequence[WindowEnd], before: Iterable[WindowEnd], after_ms: int, end_ms: int) -> list[Sheet]:
    last = [window.at_ms for window in before][-1:]
    return list(with_silence(windows, last, after_ms=after_ms, before_ms=end_ms + 1, unit_ms=DAY.window_ms))


def play(scenario: Scenario, seed: int, begin_ms: int) -> list[Item]:
    """Return a day's items, each once."""
    items: list[Item] = []
    for item in timeline(scenario, seed, begin_ms):
        if item.at_ms >= begin_ms + DAY_MS:
            return items
        if not item.is_repeat:
            items.append(item)
    return items


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
