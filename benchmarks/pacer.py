"""`python -m benchmarks.pacer BROKERS RATE SECONDS`: events at a steady pace, each with the moment of its sending."""

from __future__ import annotations

import sys
import time

from benchmarks.events import WIDE, Shape, Source
from benchmarks.topic import FLUSH_WITHIN_S, bulk_producer, send

STEP_S = 0.02
PARTITIONS = 4
TEMPLATES = 50_000

Template = tuple[bytes, bytes]
"""Key, and a value in which number and time are to be filled in."""


def main() -> None:
    address, rate, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    prepared, producer = templates(), bulk_producer(address, linger_ms=5)
    begin, sent, elapsed = time.monotonic(), 0, 0.0
    while elapsed < seconds:
        due, at_ms = int(elapsed * rate), int(time.time() * 1000)
        for number in range(sent, due):
            key, template = prepared[number % TEMPLATES]
            send(producer, key, template % (number, at_ms), at_ms, PARTITIONS)
        sent = due
        time.sleep(STEP_S)
        elapsed = time.monotonic() - begin
    producer.flush(FLUSH_WITHIN_S)


def templates(shape: Shape = WIDE, count: int = TEMPLATES) -> list[Template]:
    """Return events to be sent again and again under other ids: encoding each anew would cost as much as folding it."""
    source = Source(shape, seed=7, start_ms=0, total=1)
    made = []
    for _ in range(count):
        key, value, _ = source.now(0, 0)
        value = value.replace(b'-00000000"', b'-%08d"', 1).replace(b'"event_time_ms":0', b'"event_time_ms":%d', 1)
        made.append((key, value))
    return made


if __name__ == "__main__":
    main()
