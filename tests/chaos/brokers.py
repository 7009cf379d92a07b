"""The broker of a run: the embedded one, whose log dies with it, or an Apache Kafka that may be killed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from agents.local.broker import LEAVES_GROUP, broker_command, is_broker_ready
from agents.local.ports import free_port
from agents.local.process import PartProcess
from tests.kafka.apache import ApacheKafka
from tests.kafka.jars import class_path

READY_WITHIN_S = 60.0


class Broker(Protocol):
    """What a run needs of a broker.

    Attributes:
        address: `host:port`, the same after a restart.
        keeps_its_log: It may be killed and started again.
        leaves_group: The setting of that name for the workers on it, as an installation has it.
    """

    address: str
    keeps_its_log: bool
    leaves_group: str

    def kill(self) -> None:
        """End it by SIGKILL."""

    def start(self) -> None:
        """Start it, on the log that it left; returns once it answers."""

    def stop(self) -> None:
        """End it and what it needs."""


class EmbeddedBroker:
    """The embedded broker as `xpulse up` runs it."""

    keeps_its_log = False
    leaves_group = LEAVES_GROUP

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        self._log = folder / "broker.log"
        self._process: PartProcess | None = None
        self.address = f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, empty."""
        self._process = PartProcess(broker_command(self._port), {**os.environ, "RUST_LOG": "warn"}, self._log)
        deadline = time.monotonic() + READY_WITHIN_S
        while not is_broker_ready(self.address):
            if time.monotonic() > deadline or self._process.exit_code() is not None:
                raise RuntimeError(f"the embedded broker does not answer: {self._process.last_lines()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it; its log is gone."""
        if self._process is not None:
            self._process.end(within_s=20)
            self._process = None

    stop = kill


class ApacheKafkaBroker:
    """Apache Kafka on a folder of its own; its log outlives it."""

    keeps_its_log = True
    leaves_group = "yes"

    def __init__(self, folder: Path) -> None:
        home = folder / "kafka"
        home.mkdir()
        self._kafka = ApacheKafka(home, class_path())
        self._kafka.format()
        self.address = self._kafka.bootstrap

    def start(self) -> None:
        """Start it on its log."""
        self._kafka.start()

    def kill(self) -> None:
        """End it."""
        self._kafka.kill()

    stop = kill


KINDS: Mapping[str, Callable[[Path], Broker]] = {"embedded": EmbeddedBroker, "kafka": ApacheKafkaBroker}
"""Name -> what makes one in a folder; "kafka" raises `KafkaMissing` where Java or Maven do not answer."""
