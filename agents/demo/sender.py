"""Plays a simulated timeline against the gateway and remembers what was acknowledged.

A batch whose outcome is unknown is sent again unchanged: event ids make that harmless. Only where the log itself was
lost in between (the embedded broker died) it is not, since the new log does not know the old ids; such a batch is set
aside.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

import httpx
import orjson

from streams.errors import InvariantError
from streams.simulate.agenda import Item

MAX_BATCH = 400
TICK_S = 0.05
RETRY_S = 0.3
TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where an acknowledged event lies in the log."""

    incarnation: UUID
    partition: int
    offset: int


@dataclass(slots=True)
class Ledger:
    """What became of everything that was sent.

    Attributes:
        accepted: Acknowledged items with their receipts, in order of acknowledgement.
        unknown: Items of which nobody can know whether the lost log held them.
        refused: Answers other than success or "try again": a fault of ours.
    """

    accepted: list[tuple[Item, Receipt]] = field(default_factory=list)
    unknown: list[Item] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class Sender:
    """Sends items when they are due, in batches per path, from a thread of its own.

    Args:
        base_url: The gateway.
        tenant: Whose events they are.
        items: In order of `at_ms`.
        losses: Returns how often the log was lost so far.
    """

    def __init__(self, base_url: str, tenant: str, items: Iterable[Item], losses: Callable[[], int]) -> None:
        self.ledger = Ledger()
        self._base_url = base_url
        self._headers = {"X-Xpulse-Tenant": tenant, "Content-Type": "application/json"}
        self._items: Iterator[Item] = iter(items)
        self._losses = losses
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self.error: BaseException | None = None

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send nothing new; returns when the batch under way has an outcome.

        Raises:
            InvariantError: The thread had died, or does not end.
        """
        self._stopping.set()
        self._thread.join(2 * TIMEOUT_S)
        if self.error is not None or self._thread.is_alive():
            raise InvariantError("the simulated senders stopped by themselves") from self.error

    def _run(self) -> None:
        try:
            with httpx.Client(base_url=self._base_url, headers=self._headers, timeout=TIMEOUT_S) as client:
                self._play(client)
        except BaseException as error:  # noqa: BLE001 - kept for `stop`, which raises it
            self.error = error

    def _play(self, client: httpx.Client) -> None:
        due: list[Item] = []
        for item in self._items:
            while item.at_ms > time.time() * 1000 or len(due) >= MAX_BATCH:
                self._send_all(client, due)
                due = []
                if self._stopping.wait(TICK_S if item.at_ms > time.time() * 1000 else 0):
                    return
            due.append(item)
        self._send_all(client, due)

    def _send_all(self, client: httpx.Client, items: list[Item]) -> None:
        by_path: dict[str, list[Item]] = defaultdict(list)
        for item in items:
            by_path[item.path].append(item)
        for path, batch in by_path.items():
            self._send(client, path, batch)

    def _send(self, client: httpx.Client, path: str, batch: list[Item]) -> None:
        body = orjson.dumps([item.body for item in batch])
        losses = self._losses()
        while True:
            answer = _post(client, path, body)
            if answer is not None and answer.status_code == httpx.codes.ACCEPTED:
                self._note(batch, answer)
                return
            if answer is not None and answer.status_code not in _TRY_AGAIN:
                self.ledger.refused.append(f"{path}: {answer.status_code} {answer.text[:300]}")
                return
            time.sleep(RETRY_S)
            if self._losses() != losses:
                self.ledger.unknown += batch
                return

    def _note(self, batch: list[Item], answer: httpx.Response) -> None:
        body = orjson.loads(answer.content)
        incarnation = UUID(body["incarnation"])
        self.ledger.accepted += [
            (item, Receipt(incarnation, partition, offset))
            for item, (partition, offset) in zip(batch, body["records"], strict=True)
        ]


_TRY_AGAIN = frozenset({429, 502, 503, 504})


def _post(client: httpx.Client, path: str, body: bytes) -> httpx.Response | None:
    try:
        return client.post(f"/v1/{path}", params={"receipts": "true"}, content=body)
    except httpx.TransportError:
        return None
