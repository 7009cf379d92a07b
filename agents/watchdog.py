"""Ends a worker that has gone silent, so that its supervisor starts another one.

Faust's consumers were seen to stall without a word. The watchdog is a thread of its own, asks the cluster by a client
of its own, and ends the process when for a minute its group did not say which partitions are its own, or the log of one
went on while the worker did not. Ending early loses nothing: the next owner reads again from what was committed. A
worker to which the group gave nothing, because there are more of them than partitions, waits in peace.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaException, TopicPartition

log = logging.getLogger(__name__)

PATIENCE_S = 60.0
LOOK_EVERY_S = 5.0
EXIT_STALLED = 75
"""Exit status: try again (EX_TEMPFAIL of sysexits.h)."""

Ends = Mapping[int, int]
"""Partition -> offset below which the log holds records; may lag behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a worker stands.

    Attributes:
        positions: Owned partition -> offset of the next record to fold; empty if others have all of them, None while
            the group has not said.
        is_waiting: It pauses on purpose, because the warehouse does not take its rows.
    """

    positions: Mapping[int, int] | None
    is_waiting: bool


@dataclass(slots=True)
class Patience:
    """Judges a worker by what is seen of it; time is an argument.

    Args:
        limit_s: How long a worker may stand still while there is work.
    """

    limit_s: float = PATIENCE_S
    _since_s: dict[int, float] = field(default_factory=dict)
    _positions: dict[int, int] = field(default_factory=dict)
    _empty_since_s: float | None = None

    def complaint(self, progress: Progress, ends: Ends, now_s: float) -> str | None:
        """Return why the worker should end, or None.

        Args:
            progress: Where it stands.
            ends: Where the log ends, as far as known.
            now_s: A monotonic clock, seconds.
        """
        if progress.is_waiting:
            self._forget(now_s)
            return None
        if progress.positions is None:
            return self._without_assignment(now_s)
        self._empty_since_s = None
        return self._standing_still(progress.positions, ends, now_s)

    def _forget(self, now_s: float) -> None:
        self._since_s = dict.fromkeys(self._since_s, now_s)
        self._empty_since_s = None

    def _without_assignment(self, now_s: float) -> str | None:
        if self._empty_since_s is None:
            self._empty_since_s = now_s
        idle_s = now_s - self._empty_since_s
        return f"no assignment for {idle_s:.0f} s" if idle_s >= self.limit_s else None

    def _standing_still(self, positions: Mapping[int, int], ends: Ends, now_s: float) -> str | None:
        for partition, position in positions.items():
            has_moved = self._positions.get(partition) != position
            if has_moved or ends.get(partition, 0) <= position:
                self._since_s[partition] = now_s
            self._positions[partition] = position
        stalled = [p for p in positions if now_s - self._since_s.get(p, now_s) >= self.limit_s]
        return f"partition {stalled[0]} has input and no progress" if stalled else None


class Watchdog:
    """Looks at one worker every few seconds.

    Args:
        brokers: `host:port[,host:port…]`.
        topic: What the worker reads.
        progress: Asks the worker; called from the watchdog's thread.
        patience: Judges what is seen.
        end: Ends the process.
    """

    def __init__(
        self,
        brokers: str,
        topic: str,
        progress: Callable[[], Progress],
        *,
        patience: Patience | None = None,
        end: Callable[[], None] = lambda: os._exit(EXIT_STALLED),
    ) -> None:
        self._topic = topic
        self._progress = progress
        self._patience = patience or Patience()
        self._end = end
        self._client = Consumer({"bootstrap.servers": brokers, "group.id": "xpulse-watchdog", "log_level": 0})
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_EVERY_S)
            complaint = self.look()
            if complaint is not None:
                log.critical("worker_stalled topic=%s reason=%s", self._topic, complaint)
                self._end()
                return

    def look(self) -> str | None:
        """Look once; return why the worker should end, or None."""
        try:
            progress = self._progress()
            return self._patience.complaint(progress, self._ends(progress), time.monotonic())
        except Exception:  # a look that failed is one look less; a watchdog that died would never be missed
            log.exception("watchdog_failed topic=%s", self._topic)
            return None

    def _ends(self, progress: Progress) -> dict[int, int]:
        ends: dict[int, int] = {}
        for partition in progress.positions or ():
            try:
                _, high = self._client.get_watermark_offsets(TopicPartition(self._topic, partition), timeout=3.0)
            except KafkaException:
                continue  # nobody is to blame while the cluster is away
            ends[partition] = high
        return ends
