"""Ticks: one per input partition per second, so that time goes on in the log when nobody sends.

A tick that the broker does not take is counted and forgotten; requests never wait for one, and a new one is sent the
next second whatever became of the last.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from agents.metrics import counter
from agents.publisher import Publisher
from agents.topics import INPUT_TOPICS
from streams.codecs import encode_json
from streams.errors import Backpressure, DeliveryError
from streams.events import Tick

log = logging.getLogger(__name__)

EVERY_S: Final = 1.0


def now_ms() -> int:
    """Return this machine's time; milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


class Ticker:
    """Sends the ticks of one gateway."""

    def __init__(self, publisher: Publisher, gateway: str, clock: Callable[[], int] = now_ms) -> None:
        self._publisher = publisher
        self._gateway = gateway
        self._clock = clock
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._failing: set[str] = set()

    async def run(self) -> None:
        """Send ticks until cancelled."""
        due = time.monotonic()
        try:
            while True:
                for topic in INPUT_TOPICS:
                    self._begin(topic)
                due = max(due + EVERY_S, time.monotonic())  # a pause is not made up for
                await asyncio.sleep(due - time.monotonic())
        finally:
            for task in self._under_way.values():
                task.cancel()

    def _begin(self, topic: str) -> None:
        last = self._under_way.get(topic)
        if last is None or last.done():
            self._under_way[topic] = asyncio.create_task(self.tick(topic))
        else:
            self._count(topic, "the last one is not acknowledged yet")

    async def tick(self, topic: str) -> None:
        """Send one tick to each partition of a topic; never raises for a broker that is away."""
        try:
            partitions = (await self._publisher.state(topic)).partitions
            at_ms = self._clock()
            value = encode_json(Tick(gateway=self._gateway, at_ms=at_ms))
            key = self._gateway.encode()
            await self._publisher.publish(topic, [(key, value, at_ms, p) for p in range(partitions)], urgent=True)
        except (Backpressure, DeliveryError) as error:
            self._count(topic, str(error))
        else:
            self._count(topic, None)

    def _count(self, topic: str, failure: str | None) -> None:
        """Count every tick; log only when it begins or stops failing."""
        counter("xpulse_gateway_ticks_total").labels(topic=topic, outcome="failed" if failure else "ok").inc()
        if failure and topic not in self._failing:
            self._failing.add(topic)
            log.warning("ticks_failing topic=%s reason=%s", topic, failure)
        elif not failure and topic in self._failing:
            self._failing.remove(topic)
            log.info("ticks_resumed topic=%s", topic)
