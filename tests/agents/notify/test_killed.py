"""The deliver agent as a process, killed between sending and recording, in front of a real Alertmanager."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from agents.judge import alert_key
from agents.judge_store import JudgeStore
from agents.publisher import Publisher
from agents.settings import Settings
from agents.topics import ALERTS, ensure_topics
from agents.warehouse.client import Address, Warehouse
from streams.codecs import encode_json
from streams.events.judging import Alert
from tests.agents.local.services import running, wait_until
from tests.agents.notify.alerts import episode
from tests.agents.notify.doors import Door, running_door
from tests.agents.notify.managers import running_alertmanager

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]  # two joins of a consumer group on a busy machine

TENANT = "killed-between"


class Stage:
    """The topic, the table, and the process that delivers."""

    def __init__(self, broker: str, address: Address, store: Warehouse, folder: Path, alertmanager_url: str) -> None:
        self.store, self.folder, self._broker = store, folder, broker
        password = folder / "password"
        password.write_text(address.password)
        settings = Settings(
            brokers=broker,
            group_prefix=TENANT,
            clickhouse_host=address.host,
            clickhouse_port=address.port,
            clickhouse_database=address.database,
            clickhouse_password_file=str(password),
            data_dir=str(folder),
            alertmanager_url=alertmanager_url,
        )
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("XPULSE_")}
        self._environment = {**inherited, **settings.environment()}
        ensure_topics(broker, {ALERTS: 1})

    @contextmanager
    def process(self) -> Iterator[subprocess.Popen[bytes]]:
        command = ["env", *(f"{name}={value}" for name, value in self._environment.items())]
        command += [sys.executable, "-m", "tests.agents.notify.delivering_process"]
        with running(command, self.folder / "worker.log") as process:
            yield process

    def publish(self, alert: Alert) -> None:
        now_ms = int(time.time() * 1000)
        JudgeStore(self.store).write_alerts([alert], now_ms=now_ms)

        async def run() -> None:
            publisher = Publisher(self._broker)
            try:
                await publisher.publish(ALERTS, [(alert_key(alert), encode_json(alert), now_ms, None)])
            finally:
                publisher.close()

        asyncio.run(run())

    def outcomes(self) -> list[tuple[int, str]]:
        asked = (
            "SELECT sequence, outcome FROM deliveries "
            "WHERE tenant = {tenant:String} AND notifier = 'alertmanager' ORDER BY at"
        )
        return [(sequence, outcome) for sequence, outcome in self.store.ask(asked, {"tenant": TENANT})]


@pytest.fixture
def desk() -> Iterator[Door]:
    with running_door() as door:
        yield door


def calls(desk: Door) -> list[str]:
    """Return what the desk was told of our tenant."""
    return [body["status"] for body in desk.bodies() if body["groupLabels"] == {"tenant": TENANT}]


def test_a_kill_between_sending_and_recording_calls_nobody_twice(
    broker: str, migrated: Address, store: Warehouse, tmp_path: Path, desk: Door
) -> None:
    firing, resolved = (msgspec.structs.replace(one.alert, tenant=TENANT) for one in episode("mail"))
    with (
        running_alertmanager(tmp_path / "alertmanager", desk.url) as manager,
        running_door(hand_on_to=manager.url) as way,
    ):
        stage = Stage(broker, migrated, store, tmp_path, way.url)
        way.spare, way.manner = b"XpulseAlive", "fail"
        stage.publish(firing)
        with stage.process() as process:
            wait_until(lambda: (0, "retry") in stage.outcomes(), "an attempt that failed")
            way.manner = "take and hang"
            wait_until(lambda: len(manager.alerts(tenant=TENANT)) == 1, "the alert that was taken without an answer")
            process.kill()
        assert (0, "delivered") not in stage.outcomes()
        way.manner = "take"
        with stage.process():
            wait_until(lambda: (0, "delivered") in stage.outcomes(), "the repetition")
            wait_until(lambda: bool(manager.alerts(alertname="XpulseAlive", installation=TENANT)), "the sign of life")
            assert len(manager.alerts(tenant=TENANT)) == 1
            stage.publish(resolved)
            wait_until(lambda: "resolved" in calls(desk), "the end")
        assert calls(desk) == ["firing", "resolved"]
        assert [one for one in stage.outcomes() if one[1] != "retry"] == [(0, "delivered"), (1, "delivered")]
        assert not manager.alerts(tenant=TENANT)
