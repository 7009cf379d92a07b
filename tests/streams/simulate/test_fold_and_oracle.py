"""The product's fold and the oracle, which share no code, agree on a hostile log to the last bit."""

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from streams.catalogue import Catalogue, parse_catalogue
from streams.fold import PartitionFold
from streams.keys import Keys
from streams.simulate import names
from streams.simulate.agenda import Item
from streams.simulate.directory import device_dimensions, shared_devices
from streams.simulate.oracle import Audit, Facts, Key, Record, Sums, Window, fold_topic
from streams.simulate.organisation import Organisation
from streams.tiles import Rules, TileRows
from tests.streams.simulate.play import of

FILE = Path(__file__).parents[3] / "infra" / "metrics.yaml"
RULES = Rules(tile_size=512, horizon=2, window_ms=5_000, grace_ms=2_000, max_keys=5_000)
GARBAGE: tuple[bytes | None, ...] = (
    None, b"", b"{", b"null", b"[]", b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"signal":"tick"}', b'{"signal":"feedback"}',
    b'{"signal":"tick","gateway":"g","at_ms":1.5}', b'{"signal":"telemetry"}', b"[" * 5_000, b"{" + b" " * 70_000,
)  # fmt: skip
SPOILT: tuple[dict[str, Any], ...] = (
    {"value": True}, {"value": "1"}, {"value": 2**43}, {"value": -(2**43)}, {"value": float("nan")}, {"value": None},
    {"value": float("inf")}, {"event_time_ms": 1.0}, {"event_time_ms": -1}, {"event_id": ""}, {"country": "x" * 121},
    {"device": "x" * 201}, {"unknown": 1}, {"shared": 1}, {"covers_ms": 86_400_001}, {"device": "a\u202eb"},
    {"device": "a\x00"}, {"metric": "not.listed"}, {"event_time_ms": 0}, {"event_time_ms": 253_402_300_799_999},
)  # fmt: skip
STRANGE: tuple[dict[str, Any], ...] = (
    {"value": 0}, {"value": -0.0}, {"value": 0.0005}, {"value": 0.0015}, {"value": -0.0025}, {"value": 2**43 - 1},
    {"value": 1e12 + 0.0005}, {"value": 2000.0005}, {"value": 2000.0004}, {"value": 5e-324}, {"covers_ms": 0},
    {"covers_ms": 86_400_000}, {"country": ""}, {"country": "é"}, {"shared": True},
)  # fmt: skip


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return parse_catalogue(FILE.read_text(encoding="utf-8"), source=str(FILE))


def facts_of(catalogue: Catalogue) -> dict[str, Facts]:
    facts = {}
    for name, metric in catalogue.metrics.items():
        facts[name] = Facts(metric.group_by, None, metric.covers_ms)
        if metric.good is not None and metric.good.at_most is not None:
            facts[name] = Facts(metric.group_by, ("at_most", metric.good.at_most), metric.covers_ms)
        elif metric.good is not None and metric.good.at_least is not None:
            facts[name] = Facts(metric.group_by, ("at_least", metric.good.at_least), metric.covers_ms)
    return facts


def test_the_catalogue_lists_the_simulated_metrics(catalogue: Catalogue) -> None:
    assert set(names.METRICS) <= catalogue.metrics.keys()
    response, boot = catalogue.metrics[names.RESPONSE_TIME], catalogue.metrics[names.BOOT_TIME]
    assert (response.unit, boot.unit, catalogue.metrics[names.CPU_UTILIZATION].unit) == ("ms", "s", "1")
    assert response.good is not None
    assert response.good.at_most == names.RESPONSE_GOOD_MS
    assert "application" in response.group_by


def log(seed: int, bodies: list[dict[str, Any]]) -> Iterator[tuple[int, bytes | None]]:
    """(stamp, raw) of one partition: bodies with repeats near and far, garbage, ticks, odd values and clocks."""
    rng, sent = random.Random(seed), list[bytes]()
    for body in bodies:
        stamp_ms = body["event_time_ms"] + rng.randrange(-1_500, 4_000)
        luck = rng.random()
        if luck < 0.03:
            yield stamp_ms, rng.choice(GARBAGE)
        elif luck < 0.06:
            yield stamp_ms, json.dumps({"signal": "tick", "gateway": "g", "at_ms": stamp_ms}).encode()
        elif luck < 0.12 and sent:
            yield stamp_ms, sent[-rng.randrange(1, min(2_000, len(sent) + 1))]
        change = rng.choice(SPOILT) if luck > 0.96 else rng.choice(STRANGE) if luck > 0.9 else {}
        sent.append(json.dumps({**body, **change}, ensure_ascii=rng.random() < 0.5).encode())
        yield stamp_ms, sent[-1]


def canonical(items: list[Item], organisation: Organisation) -> list[dict[str, Any]]:
    """What a gateway makes of bodies, pseudonyms aside."""
    devices, shared = device_dimensions(organisation), shared_devices(organisation)
    return [
        {
            "signal": "telemetry", **item.body, **devices[item.body["device"]],
            "service": organisation.applications.get(item.body.get("application", ""), ""),
            "shared": item.body["device"] in shared,
        }
        for item in items
    ]  # fmt: skip


def folded(catalogue: Catalogue, records: list[Record], seed: int) -> tuple[Keys, list[TileRows]]:
    """All tiles of a partition by the product's fold, from chunks of random lengths."""
    keys, rng, first = Keys(catalogue), random.Random(seed), 0
    fold = PartitionFold(RULES, keys, None)
    while first < len(records):
        chunk = records[first : first + rng.randrange(1, 900)]
        fold.push(first, [record.raw for record in chunk], [record.stamp_ms for record in chunk])
        first += len(chunk)
    return keys, fold.changes()


Found = Mapping[tuple[Key, bool], list[Any]]


def windows_of(keys: Keys, tiles: list[TileRows]) -> dict[tuple[Key, bool], Window]:
    """Merge the rows of all tiles, as the warehouse does."""
    found: Found = defaultdict(list)
    for tile in tiles:
        for name, row in rows_of(keys, tile):
            found[name].append(row)
    return {name: merged(rows) for name, rows in found.items()}


def rows_of(keys: Keys, tile: TileRows) -> Iterator[tuple[tuple[Key, bool], dict[str, Any]]]:
    groups = tile.groups
    if groups is None:
        return
    bucket_at = device_at = 0
    for i, code in enumerate(groups.code.tolist()):
        key = keys.keys[code]
        buckets, devices = int(groups.bucket_length[i]), int(groups.device_length[i])
        histogram = zip(groups.bucket[bucket_at:][:buckets], groups.bucket_count[bucket_at:][:buckets], strict=True)
        start_ms = int(groups.window[i]) * RULES.window_ms
        name = Key(key.tenant, key.metric, key.dimensions, key.shared, start_ms), bool(groups.late[i])
        figures = [
            int(column[i]) for column in (groups.n, groups.minimum, groups.maximum, groups.good, groups.attempted)
        ]
        yield name, {
            "figures": figures, "sum": wide(groups.total, i), "squares": wide(groups.squares, i),
            "histogram": [(int(bucket), int(count)) for bucket, count in histogram],
            "devices": set(groups.device[device_at:][:devices].tolist()),
        }  # fmt: skip
        bucket_at, device_at = bucket_at + buckets, device_at + devices


def wide(words: tuple[Any, Any], i: int) -> int:
    low, high = words
    return int(low[i]) + (int(high[i]) << 64)


def merged(rows: list[dict[str, Any]]) -> Window:
    n, low, high, good, attempted = zip(*(row["figures"] for row in rows), strict=True)
    histogram: dict[int, int] = defaultdict(int)
    for row in rows:
        for bucket, count in row["histogram"]:
            histogram[bucket] += count
    sums = Sums(sum(n), sum(row["sum"] for row in rows), min(low), max(high), sum(good), sum(attempted))
    devices = sorted(set().union(*(row["devices"] for row in rows)))
    return Window(sums, sum(row["squares"] for row in rows), tuple(sorted(histogram.items())), tuple(devices[:256]))


@pytest.mark.parametrize("seed", range(2))
def test_fold_and_oracle_agree(
    seed: int, catalogue: Catalogue, organisation: Organisation, demo_items: list[Item]
) -> None:
    bodies = canonical(of(demo_items, "telemetry")[seed * 8_000 :][:5_000], organisation)
    records = [Record(0, offset, stamp_ms, raw) for offset, (stamp_ms, raw) in enumerate(log(seed, bodies))]
    windows, audits = fold_topic(
        records, facts_of(catalogue), tile=RULES.tile_size, horizon=RULES.horizon, window_ms=RULES.window_ms,
        grace_ms=RULES.grace_ms,
    )  # fmt: skip
    keys, tiles = folded(catalogue, records, seed)
    found = {
        (0, a.tile): Audit(a.n_in, a.n_valid, a.n_invalid, a.n_duplicate, a.n_late, a.n_tick)
        for a in (tile.audit for tile in tiles)
    }
    assert found == audits
    assert windows_of(keys, tiles) == windows
    totals = [sum(counts) for counts in zip(*audits.values(), strict=True)]
    assert min(totals) > 100, "each fate was met often"
