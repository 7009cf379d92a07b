"""The input of a run: simulated people and devices, and on top everything that a fold may trip over.

A function of the seed. Record timestamps are simulated, so neither pace nor pauses of a run change what is late.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from agents.topics import RECORDS, TELEMETRY, partition_of
from streams.simulate.agenda import Item
from streams.simulate.directory import device_dimensions, shared_devices
from streams.simulate.organisation import Organisation
from streams.simulate.scenario import demo
from streams.simulate.timeline import timeline

START_MS = 1_780_000_001_234
PARTITIONS: Mapping[str, int] = {TELEMETRY: 4, RECORDS: 1}
REMEMBERED = 2_500
"""Records per partition that may come again: beyond the duplicate horizon of three tiles of 512."""
JITTER_MS = 300
LEAP_MS = (3_000, 15_000)
TICK_MS = 1_000

GARBAGE: tuple[bytes | None, ...] = (
    None, b"", b"{", b"null", b"[]", b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"signal":"tick"}', b'{"signal":"nope"}', b"7",
    b'{"signal":"telemetry"}', b'{"signal":"tick","gateway":"g","at_ms":1.5}', b"[" * 5_000, b"{" + b" " * 70_000,
)  # fmt: skip
SPOILT: tuple[dict[str, Any], ...] = (
    {"value": True}, {"value": "1"}, {"value": 2**43}, {"value": float("nan")}, {"value": None}, {"event_id": ""},
    {"event_time_ms": 1.0}, {"event_time_ms": -1}, {"country": "x" * 121}, {"unknown": 1}, {"shared": 1},
    {"device": "a\u202eb"}, {"metric": "not.listed"}, {"event_time_ms": 0}, {"event_time_ms": 253_402_300_799_999},
)  # fmt: skip
STRANGE: tuple[dict[str, Any], ...] = (
    {"value": 0}, {"value": -0.0}, {"value": 0.0005}, {"value": 2**43 - 1}, {"value": 2000.0005}, {"covers_ms": 0},
    {"country": ""}, {"country": "é"}, {"shared": True},
)  # fmt: skip
SPOILT_RECORDS: tuple[dict[str, Any], ...] = ({"event_id": ""}, {"revision": -1}, {"revision": "1"}, {"unknown": 1})
SIGNALS = {"feedback": "feedback", "invitations": "invitation", "tickets": "ticket", "changes": "change"}


class Letter(NamedTuple):
    """One record to produce."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    stamp_ms: int


def hostile(seed: int, events: int, tenant: str) -> Iterator[Letter]:
    """Yield so many records for both lanes, ticks included.

    Args:
        seed: The same seed, the same records.
        events: How many.
        tenant: In every event; names this run.
    """
    scenario = replace(demo(tenant), telemetry_per_s=300.0, answers_per_s=15.0, tickets_per_s=4.0, change_every_s=0.5)
    rng = random.Random(f"{seed}/hostile")
    telemetry, records = _Telemetry(scenario.organisation(seed), rng), _Records(rng)
    items, tick_ms, left = timeline(scenario, seed, START_MS), START_MS, events
    for item in items:
        letters: list[Letter] = []
        while tick_ms <= item.at_ms:
            letters += ticks(tick_ms)
            tick_ms += TICK_MS
        letters += telemetry.letters(item) if item.path == "telemetry" else records.letters(item)
        yield from letters[:left]
        left -= len(letters)
        if left <= 0:
            return


def ticks(at_ms: int) -> list[Letter]:
    """Return what a gateway writes once a second to every partition of both topics."""
    value = json.dumps({"signal": "tick", "gateway": "chaos", "at_ms": at_ms}).encode()
    return [Letter(topic, p, b"", value, at_ms) for topic, count in PARTITIONS.items() for p in range(count)]


class _Telemetry:
    """Readings in canonical form, and what goes wrong with them."""

    def __init__(self, organisation: Organisation, rng: random.Random) -> None:
        self._rng = rng
        self._dimensions = device_dimensions(organisation)
        self._services = organisation.applications
        self._shared = shared_devices(organisation)
        self._sent: dict[int, deque[bytes]] = defaultdict(lambda: deque(maxlen=REMEMBERED))

    def letters(self, item: Item) -> list[Letter]:
        key = str(item.body["device"]).encode()
        partition = partition_of(key, PARTITIONS[TELEMETRY])
        fresh = json.dumps(self._canonical(item.body)).encode()
        values = [self._disturb(self._canonical(item.body), partition), *self._extra(partition)]
        self._sent[partition].append(fresh)
        return [Letter(TELEMETRY, partition, key, value, self._stamp(item.at_ms)) for value in values]

    def _canonical(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "signal": "telemetry", **body, **self._dimensions[body["device"]],
            "service": self._services.get(body.get("application", ""), ""),
            "shared": body["device"] in self._shared,
        }  # fmt: skip

    def _disturb(self, body: dict[str, Any], partition: int) -> bytes | None:
        luck = self._rng.random()
        if luck < 0.02:
            body |= self._rng.choice(SPOILT)
        elif luck < 0.04:
            body |= self._rng.choice(STRANGE)
        return json.dumps(body, ensure_ascii=self._rng.random() < 0.5).encode()

    def _extra(self, partition: int) -> list[bytes | None]:
        """Near and far repeats, the same id with another value, garbage."""
        rng, sent = self._rng, self._sent[partition]
        luck = rng.random()
        if luck < 0.02 or not sent:
            return [rng.choice(GARBAGE)]
        if luck < 0.07:
            return [sent[-rng.randrange(1, min(50, len(sent)) + 1)]]
        if luck < 0.20:
            return [sent[-rng.randrange(1, len(sent) + 1)]]
        if luck < 0.22:
            old = json.loads(sent[-rng.randrange(1, len(sent) + 1)])
            return [json.dumps({**old, "value": rng.randrange(100)}).encode()]
        return []

    def _stamp(self, at_ms: int) -> int:
        """Out of order by a little; now and then a gateway's clock leaps ahead, and its arrival makes others late."""
        leap = self._rng.randrange(*LEAP_MS) if self._rng.random() < 0.0003 else 0
        return at_ms + self._rng.randrange(-JITTER_MS, JITTER_MS) + leap


class _Records:
    """Answers, invitations, tickets and changes; delivered again, in any order, and spoilt."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._sent: deque[tuple[bytes, bytes]] = deque(maxlen=REMEMBERED)

    def letters(self, item: Item) -> list[Letter]:
        body = {"signal": SIGNALS[item.path], **item.body}
        key = f"{body['tenant']}/{body['event_id']}".encode()
        self._sent.append((key, json.dumps(body).encode()))
        stamp_ms = item.at_ms + self._rng.randrange(-JITTER_MS, JITTER_MS)
        return [Letter(RECORDS, 0, key, value, stamp_ms) for key, value in [self._sent[-1], *self._extra(body)]]

    def _extra(self, body: dict[str, Any]) -> list[tuple[bytes, bytes | None]]:
        luck = self._rng.random()
        if luck < 0.05:
            return [(b"", self._rng.choice(GARBAGE))]
        if luck < 0.08:
            return [(b"", json.dumps({**body, **self._rng.choice(SPOILT_RECORDS)}).encode())]
        if luck < 0.25:
            return [self._rng.choice(self._sent)]
        return []
