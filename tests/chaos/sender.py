"""Produces the hostile stream, at a pace, and knows where each partition ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from confluent_kafka import KafkaError, Message, Producer

from tests.chaos.hostile import TICK_MS, Letter, ticks

FLUSH_WITHIN_S = 120.0
KEPT_BACK = 0.15
"""Share of the records that is kept until the last fault is over, so that there is always something to do."""
TRICKLE_PER_S = 40.0


class Sender(threading.Thread):
    """Sends all letters: at an even pace first, then slowly until told to finish, then the rest at once.

    Args:
        brokers: `host:port`.
        letters: What to send.
        seconds: Time for the even part.

    Attributes:
        ends: (topic, partition) -> offset after its last record; complete once the thread has ended.
        error: Why it gave up; None if it did not.
    """

    def __init__(self, brokers: str, letters: Sequence[Letter], seconds: float) -> None:
        super().__init__(name="sender", daemon=True)
        self.ends: dict[tuple[str, int], int] = {}
        self.error: Exception | None = None
        self.sent = 0
        self._letters = letters
        self._per_s = len(letters) * (1 - KEPT_BACK) / seconds
        self._finishing = threading.Event()
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "acks": "all",
                "linger.ms": 20,
                "log_level": 0,
                "message.timeout.ms": 120_000,
            }
        )

    def finish(self) -> None:
        """Send the rest as fast as it goes, and end."""
        self._finishing.set()

    def run(self) -> None:
        """Send everything."""
        try:
            self._send_all()
        except Exception as error:  # noqa: BLE001 - told to whoever waits for this thread
            self.error = error

    def _send_all(self) -> None:
        slow_from, due_s = int(len(self._letters) * (1 - KEPT_BACK)), time.monotonic()
        for number, letter in enumerate(self._letters):
            due_s += 1 / (self._per_s if number < slow_from else TRICKLE_PER_S)
            while not self._finishing.is_set() and time.monotonic() < due_s:
                self._producer.poll(0.01)
            self._produce(letter)
        last_ms = self._letters[-1].stamp_ms + TICK_MS
        # The very last record of each partition says where it ends: not every broker answers that question.
        self._flush()
        for letter in ticks(last_ms):
            self._produce(letter)
        self._flush()

    def _produce(self, letter: Letter) -> None:
        self._producer.produce(
            letter.topic, letter.value, letter.key, letter.partition, timestamp=letter.stamp_ms,
            on_delivery=self._on_delivery,
        )  # fmt: skip
        self.sent += 1
        self._producer.poll(0)

    def _flush(self) -> None:
        if self._producer.flush(FLUSH_WITHIN_S):
            raise TimeoutError("the broker did not take all records")

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.error = RuntimeError(f"not delivered: {error}")
            return
        place = (str(message.topic()), message.partition() or 0)
        self.ends[place] = max(self.ends.get(place, 0), (message.offset() or 0) + 1)
