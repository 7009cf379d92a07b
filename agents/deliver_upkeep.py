"""Telling a receiver that forgets what fires, again and again, and that we are alive.

What fires is what the `alerts` table says, and what the receiver was told is what `deliveries` says: nothing has to be
remembered over a restart, and nothing is written down for a repetition. While ClickHouse does not answer, what was last
known is told again. The sign of life is given only after ClickHouse and the cluster answered in the same round: it is
missing when we are dead, and when we are blind.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from agents.deliver_store import DeliverPort
from agents.metrics import counter
from agents.notify import Duty, Keeper, Notice
from agents.refusals import log_failure
from streams.events.judging import Alert

log = logging.getLogger(__name__)

ENDED_MS = 300_000
"""How long the end of an alert is told again."""
ROUND_LIMIT_S = 45.0
"""Longest time for telling one receiver everything once; seconds."""


class Upkeep:
    """Keeps one receiver up to date.

    Args:
        name: Of the notifier, as in `deliveries`.
        keeper: The notifier.
        store: Says what fires; the caller sees to it that one thread at a time uses it.
        is_topic_there: Asks the cluster whether it has the topic of alerts; blocks, and may raise.
    """

    def __init__(self, name: str, keeper: Keeper, store: DeliverPort, is_topic_there: Callable[[], bool]) -> None:
        self.name = name
        self.pause_s = keeper.keep_s
        self._keeper = keeper
        self._store = store
        self._is_topic_there = is_topic_there
        self._notices: list[Notice] = []
        self._can_see = False
        self._told_at_s = float("-inf")

    def is_due(self, now_s: float) -> bool:
        """Say whether it is time to tell again; `now_s` is a monotonic clock."""
        return now_s - self._told_at_s >= self.pause_s

    def forget(self) -> None:
        """Forget what fires: it may be somebody else's now."""
        self._notices, self._can_see = [], False

    async def read(self, now_ms: int, *, is_mine: Callable[[Alert], bool]) -> None:
        """Ask what fires; what was known before stays if nobody answers.

        Args:
            now_ms: The time; ms UTC.
            is_mine: Whether an alert is this process's to deliver.
        """
        try:
            found = await asyncio.to_thread(self._store.kept, self.name, now_ms - ENDED_MS)
            mine = [alert for alert in found if is_mine(alert)]
            duties = await asyncio.to_thread(self._store.duties, {(one.tenant, one.target) for one in mine})
            self._can_see = await asyncio.to_thread(self._is_topic_there)
        except Exception as error:  # noqa: BLE001 - the agent's boundary: any outcome but an answer is unknown
            self._can_see = False
            log_failure(log, "upkeep_read_failed", error)
            return
        self._notices = [Notice(one, duties.get((one.tenant, one.target), Duty())) for one in mine]

    async def tell(self) -> None:
        """Tell the receiver once more; a failure is counted, and made good by the next round."""
        self._told_at_s = time.monotonic()
        try:
            async with asyncio.timeout(ROUND_LIMIT_S):
                if self._can_see:
                    await self._keeper.beat()
                await self._keeper.keep(self._notices)
        except Exception as error:  # noqa: BLE001 - the agent's boundary: a notifier's bug must not stop the others
            counter("xpulse_alert_reposts_total").labels(self.name, "failed").inc()
            log_failure(log, "upkeep_failed", error)
            return
        counter("xpulse_alert_reposts_total").labels(self.name, "ok").inc(len(self._notices))
