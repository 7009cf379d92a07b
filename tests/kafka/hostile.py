"""A hostile log of telemetry: what a gateway would send, and between it what nobody should ever send."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

from agents.publisher import Outgoing
from agents.topics import partition_of
from streams.simulate.directory import device_dimensions, shared_devices
from streams.simulate.scenario import demo
from streams.simulate.timeline import timeline

START_MS = 1_790_000_001_234
GARBAGE = (
    b"", b"{", b"null", b"[]", b"\xff\xfe", b'{"signal":"tick"}', b'{"signal":"telemetry"}', b'{"signal":"feedback"}',
    b"[" * 5_000, b"\xc3\x01garbage", b"{" + b" " * 70_000,
)  # fmt: skip
SPOILT: tuple[dict[str, Any], ...] = (
    {"value": "1"}, {"value": 2**43}, {"value": None}, {"event_id": ""}, {"metric": "not.listed"}, {"unknown": 1},
    {"event_time_ms": 0}, {"event_time_ms": 1.5}, {"device": "a\u202eb"}, {"country": "x" * 121},
)  # fmt: skip
STRANGE: tuple[dict[str, Any], ...] = (
    {"value": 0}, {"value": -0.0005}, {"value": 0.0015}, {"value": 2**43 - 1}, {"covers_ms": 0}, {"country": "é"},
    {"shared": True},
)  # fmt: skip


def tick(at_ms: int) -> bytes:
    return json.dumps({"signal": "tick", "gateway": "g", "at_ms": at_ms}).encode()


def hostile(seed: int, count: int, partitions: int) -> list[Outgoing]:
    """Return records in the order of sending, each with the partition it belongs to.

    Repeats come after 1 to 3,000 records, so some lie within the duplicate horizon and some beyond it; record times run
    ahead of and behind event times.
    """
    rng, sent = random.Random(seed), list[Outgoing]()
    for body in islice(_canonical(seed), count):
        stamp_ms, luck = body["event_time_ms"] + rng.randrange(-1_500, 4_000), rng.random()
        if luck < 0.03:
            sent.append((b"", rng.choice(GARBAGE), stamp_ms, rng.randrange(partitions)))
        elif luck < 0.05:
            sent.append((b"", tick(stamp_ms), stamp_ms, rng.randrange(partitions)))
        elif luck < 0.12 and sent:
            key, value, _, partition = sent[-rng.randrange(1, min(3_000, len(sent) + 1))]
            sent.append((key, value, stamp_ms, partition))
        change = rng.choice(SPOILT) if luck > 0.97 else rng.choice(STRANGE) if luck > 0.9 else {}
        key, value = body["device"].encode(), json.dumps({**body, **change}).encode()
        sent.append((key, value, stamp_ms, partition_of(key, partitions)))
    return sent[:count]


def _canonical(seed: int) -> Iterator[dict[str, Any]]:
    """Simulated telemetry as a gateway writes it, pseudonyms aside."""
    scenario = demo(f"hostile-{seed}")
    organisation = scenario.organisation(seed)
    devices, shared = device_dimensions(organisation), shared_devices(organisation)
    for item in timeline(scenario, seed, START_MS):
        if item.path == "telemetry":
            device = item.body["device"]
            service = organisation.applications.get(item.body.get("application", ""), "")
            known = {**devices[device], "service": service, "shared": device in shared}
            yield {"signal": "telemetry", **item.body, **known}
