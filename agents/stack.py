"""The whole system on one machine: which parts it has, when each is ready, and what it needs before it starts.

Product code knows only addresses; this module is where the embedded services get theirs.
"""

from __future__ import annotations

import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain

from agents.local.broker import LEAVES_GROUP, broker_command
from agents.local.part import Part
from agents.local.paths import DataFolder
from agents.local.ports import free_port
from agents.roles.table import FILE, read_roles
from agents.settings import Settings
from agents.topics import LOCAL_PARTITIONS, Cluster
from agents.topics import RECORDS as RECORDS_TOPIC
from agents.topics import TELEMETRY as TELEMETRY_TOPIC
from agents.warehouse.client import Address, Warehouse, WarehouseError, connect
from agents.warehouse.migrate import apply, write_profile
from agents.warehouse.scopes import apply_scopes
from streams.errors import ConfigError, DeliveryError
from streams.profile import Profile

BROKER, CLICKHOUSE, GATEWAY, TELEMETRY, CONTROL = "broker", "clickhouse", "gateway", "telemetry", "control"
PREVIEW = "preview"
HOST = "127.0.0.1"
WORKERS = (TELEMETRY, CONTROL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """TCP ports on the loopback address."""

    broker: int
    clickhouse: int
    gateway: int
    telemetry_metrics: int
    control_metrics: int
    preview: int


def pick_ports(*, clickhouse: int = 0, gateway: int = 0, preview: int = 0) -> Ports:
    """Return free ports; those given are taken as they are."""
    return Ports(
        broker=free_port(),
        clickhouse=clickhouse or free_port(),
        gateway=gateway or free_port(),
        telemetry_metrics=free_port(),
        control_metrics=free_port(),
        preview=preview or free_port(),
    )


class Stack:
    """One installation on one machine.

    Args:
        folder: A prepared data folder.
        profile: Time scales.
        ports: Where the parts listen.
        webhook_url: Receiver of alerts; empty = none.
        alertmanager_url: Alertmanager that receives alerts; empty = none.
    """

    def __init__(
        self, folder: DataFolder, profile: Profile, ports: Ports, *, webhook_url: str = "", alertmanager_url: str = ""
    ) -> None:
        self.folder = folder
        self.profile = profile
        self.ports = ports
        self.settings = Settings(
            profile=profile.name,
            brokers=f"{HOST}:{ports.broker}",
            leaves_group=LEAVES_GROUP,
            clickhouse_port=ports.clickhouse,
            clickhouse_password_file=str(folder.writer_password_file),
            gateway_port=ports.gateway,
            data_dir=str(folder.run),
            key_file=str(folder.key_file),
            directory_dir=str(folder.directory),
            webhook_url=webhook_url,
            alertmanager_url=alertmanager_url,
            screens_url=f"http://{HOST}:{ports.preview}",  # an alert's link leads to its target on the local page
            webhook_may_be_local="yes",  # whoever tries it out on one machine has the receiver there, too
        )

    @property
    def gateway_url(self) -> str:
        """Where events are posted."""
        return f"http://{HOST}:{self.ports.gateway}"

    @property
    def preview_url(self) -> str:
        """Where the dashboards are shown."""
        return f"http://{HOST}:{self.ports.preview}"

    def metrics_url(self, part: str) -> str:
        """Return the metrics page of a part."""
        port = {GATEWAY: self.ports.gateway, **self._metrics_ports()}[part]
        return f"http://{HOST}:{port}/metrics"

    def _metrics_ports(self) -> dict[str, int]:
        return {TELEMETRY: self.ports.telemetry_metrics, CONTROL: self.ports.control_metrics}

    def writer(self) -> Warehouse:
        """Return a connection as the user that writes."""
        return Warehouse(self._address(self.settings.clickhouse_database))

    def reader(self) -> Warehouse:
        """Return a connection as any reader has it: published views only."""
        return Warehouse(
            Address(host=HOST, port=self.ports.clickhouse, user="default", password="", database="xpulse_pub")
        )

    def _address(self, database: str) -> Address:
        s = self.settings
        return Address(
            host=HOST,
            port=s.clickhouse_port,
            user=s.clickhouse_user,
            password=s.clickhouse_password(),
            database=database,
        )

    def parts(self) -> list[Part]:
        """Return the processes of `xpulse up`."""
        return [
            self._broker(),
            self._clickhouse(),
            self._process(GATEWAY, ("gateway",), _answers(f"{self.gateway_url}/readyz"), depends_on=(BROKER,)),
            self._worker(TELEMETRY),
            self._worker(CONTROL),
            self._preview(),
        ]

    def _broker(self) -> Part:
        # Its log dies with it: whoever read the old one has offsets that mean nothing in the new one.
        return Part(
            name=BROKER,
            command=broker_command(self.ports.broker),
            env={"RUST_LOG": "warn"},
            is_ready=self._has_topics,
            restart_dependants=(GATEWAY, *WORKERS),
        )

    def _has_topics(self) -> bool:
        cluster = Cluster(self.settings.brokers, timeout_s=5.0)
        try:
            # A worker that asks the restarted broker too early makes it create topics of the wrong shape.
            cluster.remove_misshapen(LOCAL_PARTITIONS)
            cluster.ensure(LOCAL_PARTITIONS)
        except (DeliveryError, ConfigError):
            return False
        return True

    def _clickhouse(self) -> Part:
        command = [sys.executable, "-m", "agents.local.clickhouse", "--port", str(self.ports.clickhouse)]
        command += ["--data", str(self.folder.clickhouse), "--users", str(self.folder.users_file)]
        return Part(name=CLICKHOUSE, command=command, is_ready=self._is_migrated)

    def _is_migrated(self) -> bool:
        a = self._address("system")  # ours is not there yet
        try:
            client = connect(a.host, a.port, a.user, a.password, a.database)
        except WarehouseError:
            return False
        for _ in chain(
            apply(client, self.settings.clickhouse_database),
            apply_scopes(client, self.settings.clickhouse_database, read_roles(FILE)),
        ):
            pass
        # A generation that the warehouse was switched to stays.
        now_ms = int(time.time() * 1000)
        generation = write_profile(client, self.settings.clickhouse_database, self.profile, now_ms=now_ms)
        self.profile = replace(self.profile, generation=generation)
        client.close()
        return True

    def _worker(self, name: str) -> Part:
        # Ready once it has read the gateway's ticks: then its group has handed out partitions, and events flow.
        ready = _has_read(self.metrics_url(name), TELEMETRY_TOPIC if name == TELEMETRY else RECORDS_TOPIC)
        return self._process(name, ("worker", name), ready, depends_on=(BROKER, CLICKHOUSE, GATEWAY))

    def _preview(self) -> Part:
        # It depends on nothing, so that its address answers at once; tiles fill when the others are up.
        command = [sys.executable, "-m", "agents.screens.preview", "--port", str(self.ports.preview)]
        command += ["--clickhouse-port", str(self.ports.clickhouse)]
        return Part(name=PREVIEW, command=command, is_ready=_answers(f"{self.preview_url}/readyz"))

    def _process(
        self, name: str, command: tuple[str, ...], is_ready: Callable[[], bool], *, depends_on: tuple[str, ...]
    ) -> Part:
        settings = replace(self.settings, metrics_port=self._metrics_ports().get(name, 0))
        return Part(
            name=name,
            command=[sys.executable, "-m", "agents.cli", *command],
            env=settings.environment(),
            is_ready=is_ready,
            depends_on=depends_on,
        )


def _has_read(url: str, topic: str) -> Callable[[], bool]:
    reading = re.compile(rb'^xpulse_events_in_total\{topic="%s"\} [1-9]' % topic.encode(), re.MULTILINE)
    return lambda: reading.search(_get(url) or b"") is not None


def _answers(url: str) -> Callable[[], bool]:
    return lambda: _get(url) is not None


def _get(url: str) -> bytes | None:
    try:
        with urllib.request.urlopen(url, timeout=1.0) as answer:  # noqa: S310 - our own loopback address
            return bytes(answer.read())
    except (urllib.error.URLError, OSError):
        return None
