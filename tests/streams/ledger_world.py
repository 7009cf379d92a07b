"""A whole log of both lanes, and the way from it to the ledger, all by the real pure parts: fold, release, judging.

The same events may lie in any partitions, in any order that keeps each sender's own, delivered more than once, and be
judged in bites of any size: `ledger_of` returns what everything comes to, as bytes.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from streams.blocks import DIMENSIONS, Answer, Block, Rule, block_key, release
from streams.catalogue import DIMENSIONS as TELEMETRY_DIMENSIONS
from streams.catalogue import Catalogue, Good, Metric
from streams.codecs import encode_json
from streams.events.judging import Target
from streams.events.records import Action, Feedback
from streams.events.telemetry import Telemetry
from streams.fold import PartitionFold
from streams.intake import Batch
from streams.judging.actions import FOREVER_MS, Order
from streams.judging.rounds import Case, Papers, rule_family
from streams.judging.sheets import Epoch, ReleasedBlock, Sheet, WindowEnd, WindowRow, with_silence
from streams.judging.verdicts import JudgeState, Ruler
from streams.keys import Keys
from streams.profile import DEMO
from streams.records import TABLES
from streams.scores import Counts
from streams.tiles import Rules
from tests.streams.judged import GOOD, HAPPY

UNIT_MS = 5_000
UNITS = 48
T0 = 1_772_409_600_000  # 2026-03-02 00:00 UTC
RULE = Rule(k=5, epoch_ms=UNIT_MS, hold_ms=DEMO.hold_ms, levels=DEMO.levels)
METRIC = Metric(
    name=GOOD.metric, unit="ms", kind="duration", description="for tests", group_by=("application",), worse="higher",
    good=Good(at_most=5.0), covers_ms=100,
)  # fmt: skip
PLACES = [(country, service) for country in ("NO", "SE") for service in ("mail", "vpn")]


def target(name: str, like: Target, slice_: Mapping[str, str]) -> Target:
    return msgspec.structs.replace(
        like,
        tenant="t",
        target=name,
        slice=dict(slice_),
        valid_from_ms=T0,
        window_s=60,
        run_length=2_000.0,
        recovery_length=50.0,
        burn=["1.5@60s/20s"],
    )


HAPPY_FAMILY = [
    target("happy", HAPPY, {}),
    *(target(f"happy/country={country}", HAPPY, {"country": country}) for country in ("NO", "SE")),
    *(target(f"happy/{c}-{s}", HAPPY, {"country": c, "service": s}) for c, s in PLACES),
]
GOOD_FAMILY = [target(f"good/{name}", GOOD, {"application": name}) for name in ("Chat", "Mail")]


@dataclass(frozen=True)
class Record:
    """One record before it has a place; `key` decides its partition, so that a sender's own order is kept."""

    stamp_ms: int
    key: str
    raw: bytes


def at(unit: float) -> int:
    return T0 + round(unit * UNIT_MS)


def story(seed: int) -> tuple[list[Record], list[Record]]:
    """Return telemetry and records of one seed: mail is bad in Norway, Mail is bad, then all telemetry stops."""
    rng = random.Random(seed)
    telemetry = [
        _reading(rng, unit, app, device) for unit in range(34) for app in ("Chat", "Mail") for device in range(7)
    ]
    answers = [
        _answer(rng, unit, place, number)
        for unit in range(UNITS)
        for place in PLACES
        for number in range(rng.randrange(4, 9))
    ]
    return _in_time(telemetry), _in_time([*answers, *_actions()])


def _in_time(records: Sequence[Record]) -> list[Record]:
    return sorted(records, key=lambda record: (record.stamp_ms, record.raw))


def _reading(rng: random.Random, unit: int, app: str, device: int) -> Record:
    is_bad = app == "Mail" and 12 <= unit < 20 and rng.random() < 0.7
    event_ms = at(unit) + rng.randrange(UNIT_MS)
    event = Telemetry(
        event_id=f"{app}-{unit}-{device}", tenant="t", source="s", event_time_ms=event_ms, device=f"{app}-{device}",
        metric=GOOD.metric, value=9.0 if is_bad else 1.0, application=app,
    )  # fmt: skip
    return Record(event_ms + rng.randrange(500), event.device, encode_json(event))


def _answer(rng: random.Random, unit: int, place: tuple[str, str], number: int) -> Record:
    country, service = place
    is_bad = place == ("NO", "mail") and 10 <= unit < 24
    score = rng.choice([0, 1, 2, 9] if is_bad else [10, 10, 10, 10, 9, 8, 3])
    name = f"{country}-{service}-{unit}-{number}"
    stamp_ms = at(unit) + rng.randrange(UNIT_MS)
    event = Feedback(
        event_id=name, tenant="t", source="s", event_time_ms=stamp_ms, revision=0, response_id=name, state="final",
        person=f"{country}-{rng.randrange(300)}", score=score, country=country, service=service,
    )  # fmt: skip
    return Record(stamp_ms, name, encode_json(event))


def _actions() -> list[Record]:
    """Return a maintenance, an exclusion that is written down late and then shortened, and an acknowledgement."""
    return [
        _action("m", 0, written=11.5, begin=14, end=16, kind="maintenance", target="good"),
        _action("x", 0, written=26.2, begin=10, end=22, kind="exclusion", country="NO"),
        _action("x", 1, written=31.7, begin=10, end=15, kind="exclusion", country="NO"),
        _action("k", 0, written=20.0, begin=20, end=None, kind="ack", target="happy/NO-mail"),
    ]


def _action(name: str, revision: int, *, written: float, begin: float, end: float | None, **fields: Any) -> Record:
    event = Action(
        event_id=f"{name}-{revision}", tenant="t", source="s", event_time_ms=at(begin), revision=revision,
        action_id=name, actor="somebody", end_ms=None if end is None else at(end), **fields,
    )  # fmt: skip
    return Record(at(written), name, encode_json(event))


@dataclass(frozen=True)
class Delivery:
    """One way in which the same events may come: everything that must not matter."""

    seed: int
    partitions: int
    repeats: float
    bites: int

    def logs(self, records: Sequence[Record]) -> list[list[Record]]:
        """Return the partitions: each sender in one of them, some records more than once, at the same time."""
        rng = random.Random(self.seed)
        places = {key: rng.randrange(self.partitions) for key in sorted({record.key for record in records})}
        logs: list[list[Record]] = [[] for _ in range(self.partitions)]
        for record in records:
            logs[places[record.key]] += [record] * (1 + (rng.random() < self.repeats))
        return logs

    def bitten(self, sheets: Sequence[Sheet]) -> Iterator[Sequence[Sheet]]:
        """Yield the sheets in bites of different sizes."""
        rng, begin = random.Random(self.seed), 0
        while begin < len(sheets):
            size = rng.randrange(1, self.bites + 1)
            yield sheets[begin : begin + size]
            begin += size


def ledger_of(seed: int, delivery: Delivery) -> bytes:
    """Return all verdicts, states and alerts of a story, however it was delivered."""
    telemetry, records = story(seed)
    rows = _rows(delivery.logs(records))
    orders = _orders(rows["actions"])
    random.Random(delivery.seed).shuffle(orders)
    epochs = _epochs(rows["feedback"])
    windows = _windows(delivery.logs(telemetry))
    happy = _judged(HAPPY_FAMILY, epochs, orders, Ruler(unit_ms=UNIT_MS, per_observation=5), delivery)
    good = _judged(GOOD_FAMILY, windows, orders, Ruler(unit_ms=UNIT_MS, per_observation=1), delivery)
    return b"\n".join([*happy, *good])


def _rows(logs: Sequence[Sequence[Record]]) -> Mapping[str, list[dict[str, Any]]]:
    """Return the newest row per entity, and every revision of actions, as the tables keep them."""
    kept: dict[tuple[str, object, object], dict[str, Any]] = {}
    for log in logs:
        batch = Batch()
        for offset, record in enumerate(log):
            batch.add(record.raw, stamp_ms=record.stamp_ms, offset=offset)
        assert not batch.rejects
        for table in TABLES.values():
            for row in batch.rows.get(table.name, ()):
                named = dict(zip(table.columns, row, strict=True))
                key = (table.name, named[table.key], named["revision"] if table.name == "actions" else 0)
                if key not in kept or kept[key]["version"] <= named["version"]:
                    kept[key] = named
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for (name, _, _), named in kept.items():
        found[name].append(named)
    return found


def _orders(rows: Sequence[Mapping[str, Any]]) -> list[Order]:
    return [
        msgspec.convert(
            {
                "action_id": row["action_id"],
                "kind": row["kind"],
                "version": row["version"],
                "recorded_ms": row["log_time"],
                "from_ms": row["event_time"],
                "until_ms": FOREVER_MS if row["end"] is None else row["end"],
                "target": row["target"],
                "alert_id": row["alert_id"],
                "labels": {name: row[name] for name in DIMENSIONS if row[name]},
            },
            Order,
        )
        for row in rows
    ]


def _epochs(rows: Sequence[Mapping[str, Any]]) -> list[Sheet]:
    """Release the answers epoch by epoch, and cut off what operators and people do."""
    answers = {
        str(row["response_id"]): Answer(
            answer=str(row["response_id"]),
            log_ms=int(str(row["log_time"])),
            person=str(row["person"]),
            labels=tuple(str(row[name]) for name in DIMENSIONS),
        )
        for row in rows
    }
    scores = {str(row["response_id"]): int(str(row["score"])) for row in rows}
    key, sheets, waiting = block_key(b"secret"), [], dict(answers)
    for unit in range(1, UNITS + 1):
        ripe = [answer for answer in waiting.values() if answer.log_ms + RULE.hold_ms <= at(unit)]
        blocks, _ = release("t", ripe, epoch_end_ms=at(unit), rule=RULE, key=key)
        for block in blocks:
            for member in block.members:
                del waiting[member.answer]
        published = [_published(block, scores) for block in sorted(blocks, key=lambda block: block.block)]
        sheets.append(Epoch(at(unit), published))
    return list(sheets)


def _published(block: Block, scores: Mapping[str, int]) -> ReleasedBlock:
    given = [scores[member.answer] for member in block.members]
    counts = Counts(
        detractors=sum(score <= 6 for score in given),
        neutrals=sum(score in {7, 8} for score in given),
        promoters=sum(score >= 9 for score in given),
    )
    return ReleasedBlock(dict(zip(DIMENSIONS, block.labels, strict=True)), counts)


def _windows(logs: Sequence[Sequence[Record]]) -> list[Sheet]:
    """Fold telemetry by tiles, and publish the rows of windows with enough devices."""
    keys = Keys(Catalogue(metrics={METRIC.name: METRIC}))
    rules = Rules(tile_size=64, horizon=2, window_ms=UNIT_MS, grace_ms=2_000, max_keys=100)
    sums: dict[tuple[int, tuple[str, ...]], list[int]] = defaultdict(lambda: [0, 0])
    devices: dict[tuple[int, tuple[str, ...]], set[int]] = defaultdict(set)
    for log in logs:
        fold = PartitionFold(rules, keys, None)
        fold.push(0, [record.raw for record in log], [record.stamp_ms for record in log])
        for rows in fold.changes():
            if (groups := rows.groups) is None:
                continue
            first = 0
            for place, code in enumerate(groups.code.tolist()):
                assert groups.late[place] == 0
                key = (int(groups.window[place]), keys.keys[code].dimensions)
                sums[key][0] += int(groups.good[place])
                sums[key][1] += int(groups.attempted[place])
                length = int(groups.device_length[place])
                devices[key] |= set(groups.device[first : first + length].tolist())
                first += length
    ends: dict[int, list[WindowRow]] = defaultdict(list)
    for (window, dimensions), (good, attempted) in sorted(sums.items()):
        if len(devices[window, dimensions]) >= 5:
            labels = dict(zip(TELEMETRY_DIMENSIONS, dimensions, strict=True))
            ends[(window + 1) * UNIT_MS].append(WindowRow(labels, good, attempted))
    found = [WindowEnd(end_ms, ends[end_ms]) for end_ms in sorted(ends)]
    return list(with_silence(found, (), after_ms=T0, before_ms=at(UNITS) + 1, unit_ms=UNIT_MS))


def _judged(
    targets: Sequence[Target], sheets: Sequence[Sheet], orders: Sequence[Order], ruler: Ruler, delivery: Delivery
) -> list[bytes]:
    """Judge a family in bites, each by somebody new who knows only the stored states."""
    rng = random.Random(delivery.seed)
    states: dict[str, JudgeState | None] = {one.target: None for one in targets}
    lines: dict[str, list[bytes]] = defaultdict(list)
    done: list[Sheet] = []
    for bite in delivery.bitten(sheets):
        shuffled = rng.sample(list(targets), len(targets))
        cases = {one.target: Case(versions=[one], state=states[one.target]) for one in shuffled}
        papers = Papers(sheets=bite, orders=orders, past=rng.sample(done, len(done)))
        for name, ruling in rule_family(cases, papers, ruler).items():
            for entry in ruling.entries:
                stored = msgspec.json.encode(entry.state)
                lines[name] += [encode_json(entry.verdict), stored]
                states[name] = msgspec.json.decode(stored, type=JudgeState)
            lines[f"{name} alerts"] += [encode_json(alert) for alert in ruling.alerts]
        done += bite
    return [line for name in sorted(lines) for line in lines[name]]
