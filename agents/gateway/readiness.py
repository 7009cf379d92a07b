"""Is the broker there, and does it have the topics? Asked in the background, so that the answer costs nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from agents.metrics import gauge
from agents.publisher import Publisher
from agents.topics import INPUT_TOPICS
from streams.errors import DeliveryError

log = logging.getLogger(__name__)

EVERY_S: Final = 2.0


class Readiness:
    """What the broker said last.

    Attributes:
        problem: Why events cannot be taken now; None = they can.
    """

    def __init__(self, publisher: Publisher, topics: Iterable[str] = INPUT_TOPICS) -> None:
        self._publisher = publisher
        self._topics = tuple(topics)
        self.problem: str | None = "the broker was not asked yet"

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await self.ask()
            await asyncio.sleep(EVERY_S)

    async def ask(self) -> None:
        """Ask the broker once."""
        before = self.problem
        try:
            found = await self._publisher.refresh(self._topics)
            missing = sorted(set(self._topics) - found.keys())
            self.problem = f"the broker has no topic {', '.join(missing)}" if missing else None
        except DeliveryError as error:
            self.problem = error.reason
        gauge("xpulse_gateway_ready").set(self.problem is None)
        if self.problem != before:
            log.info("readiness_changed problem=%s", self.problem)
