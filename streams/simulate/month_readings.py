"""The readings behind simulated windows: what devices would have sent, one by one."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import convert
from msgspec.structs import replace

from streams.catalogue import DIMENSIONS
from streams.events import Telemetry
from streams.simulate.month_keys import KeyGroup
from streams.simulate.month_windows import Windows, device_bits

SOURCE = "endpoint-agent"


def readings(tenant: str, group: KeyGroup, windows: Windows) -> Iterator[Telemetry]:
    """Yield the events of base windows, in the order of windows and keys.

    A window's devices take turns, so that each of them reports at least once.
    """
    known = {
        "event_id": "none", "tenant": tenant, "source": SOURCE, "event_time_ms": 0, "device": "none",
        "metric": group.metric, "value": 0.0,
    }  # fmt: skip
    for window, (counts, bits) in enumerate(zip(windows.counts, device_bits(windows.masks), strict=True)):
        begin_ms = 1000 * (windows.first_s + window * windows.window_s)
        for key, (dims, is_shared) in enumerate(group.keys):
            where = convert({**known, **dict(zip(DIMENSIONS, dims, strict=True)), "shared": is_shared}, Telemetry)
            names = [group.names[key][bit] for bit in bits[key].nonzero()[0]]
            values = [int(v) for v, n in zip(group.values[key], counts[key], strict=True) for _ in range(n)]
            for number, value in enumerate(values):
                yield replace(
                    where,
                    event_id=f"{tenant}/{group.metric}/{begin_ms}/{key}/{number}",
                    event_time_ms=begin_ms + number * 1000 * windows.window_s // len(values),
                    device=names[number % len(names)],
                    value=value / 1000,
                )
