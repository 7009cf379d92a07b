"""A running stack: its parts supervised, its addresses published, its targets put back after a broker that forgets."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from agents.local.supervisor import EventKind, Supervisor
from agents.publisher import Publisher
from agents.stack import BROKER, HOST, Stack
from agents.target_ledger import TargetLedger, republish
from streams.errors import DeliveryError, XPulseError

ADDRESSES = "addresses.json"
"""Where a running installation listens; in the data folder's `run` folder, gone when it stops."""
KEPT_NOTES = 200

_TOLD: dict[EventKind, str] = {"died": "died", "restarted": "restarted", "gave_up": "was given up", "ready": "answers"}


class Installation:
    """Runs a stack until told to stop; a context manager.

    Attributes:
        notes: What happened to the parts, as lines for people.
        broker_deaths: How often the embedded broker, and with it its log, was lost.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.notes: deque[str] = deque(maxlen=KEPT_NOTES)
        self.broker_deaths = 0
        self._forgot = threading.Event()
        self.supervisor = Supervisor(stack.parts(), stack.folder.logs, stack.folder.run, on_event=self._hear)

    def __enter__(self) -> Self:
        self.supervisor.start()
        self._publish_addresses()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._addresses.unlink(missing_ok=True)
        self.supervisor.stop()

    @property
    def _addresses(self) -> Path:
        return self.stack.folder.run / ADDRESSES

    def _publish_addresses(self) -> None:
        ports = self.stack.ports
        known = {"gateway": self.stack.gateway_url, "clickhouse_host": HOST, "clickhouse_port": ports.clickhouse}
        self._addresses.write_bytes(orjson.dumps({**known, "brokers": self.stack.settings.brokers}))

    def _hear(self, name: str, kind: EventKind, detail: str) -> None:
        if name == BROKER and kind == "died":
            self.broker_deaths += 1
        if name == BROKER and kind == "ready":
            self._forgot.set()
        if kind in _TOLD:
            clock = datetime.now(UTC).strftime("%H:%M:%S")
            self.notes.append(f"{clock} {name} {_TOLD[kind]}{f' ({detail})' if detail else ''}")

    def restarts(self) -> dict[str, int]:
        """Return how often each part was restarted."""
        return dict(self.supervisor.restarts)

    def tend(self) -> None:
        """Do what is due; call it a few times a second.

        Raises:
            XPulseError: A part was given up.
        """
        for name, reason in self.supervisor.failed.items():
            raise XPulseError(f"{name} was given up: {reason}; its log is {self.stack.folder.logs / name}.log")
        if self._forgot.is_set():
            self._republish()

    def _republish(self) -> None:
        self._forgot.clear()
        try:
            with publishing(self.stack) as (ledger, publisher):
                asyncio.run(republish(ledger, publisher))
        except DeliveryError:
            self._forgot.set()  # not there again yet; the next call tries again


@contextmanager
def publishing(stack: Stack) -> Iterator[tuple[TargetLedger, Publisher]]:
    """Lend what it takes to publish target versions."""
    warehouse, publisher = stack.writer(), Publisher(stack.settings.brokers)
    try:
        yield TargetLedger(warehouse), publisher
    finally:
        publisher.close()
        warehouse.close()
