"""What a simulated day publishes, by the real pure parts: released blocks, closed windows, changes, tickets."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from streams.blocks import DIMENSIONS, Answer, release, rule_of
from streams.judging.sheets import Epoch, ReleasedBlock, Sheet, WindowEnd, WindowRow, with_silence
from streams.judging.tandem import Cell
from streams.judging.watermelon import Kept
from streams.scores import Counts
from streams.simulate.agenda import Item
from streams.simulate.day import DAY, WORLD, quiet
from streams.simulate.names import CRASH, RESPONSE_GOOD_MS, RESPONSE_TIME
from streams.simulate.organisation import Organisation
from streams.simulate.scenario import Scenario
from streams.simulate.timeline import timeline
from streams.why.coincidences import Happening

TENANT = "t"
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
MONDAY_MS = 1_772_409_600_000
"""2026-03-02 00:00 UTC; the five days from it on are quiet."""
START_MS = MONDAY_MS + 7 * DAY_MS
KEY = b"0123456789abcdef"
CHANGE_PLACES = (*DIMENSIONS, "application")


@lru_cache(maxsize=1)
def organisation() -> Organisation:
    return quiet(TENANT).organisation(WORLD)


def at_place(country: str, service: str) -> dict[str, str]:
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
        Cell(end_ms=end_ms, where=at_place(*place), kept=Kept(made=sum(made for _, made in some), tickets=len(some)))
        for (end_ms, *place), some in sorted(found.items())
        if len({person for person, _ in some}) >= DAY.k
    ]


def _answers(epochs: Iterable[Epoch]) -> list[Cell]:
    return [
        Cell(
            end_ms=-(-epoch.at_ms // DAY.period_ms) * DAY.period_ms,
            where=at_place(block.labels["country"], block.labels["service"]),
            answers=block.counts,
        )
        for epoch in epochs
        for block in epoch.blocks
    ]


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
