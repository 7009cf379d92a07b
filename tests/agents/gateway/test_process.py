"""The real gateway process against a broker that dies."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.gateway.directory_load import load
from agents.gateway.directory_rows import HEADER
from agents.gateway.documents import EXAMPLES
from agents.gateway.identity import Pseudonyms
from agents.topics import topic_incarnation
from tests.agents.brokers import MortalBroker, find_record, mortal_broker, read_partition
from tests.agents.gateway.conftest import KEY, ROOT, GatewayProcess, gateway_process, wait_until

pytestmark = pytest.mark.integration

TOPICS = {"telemetry": 4, "records": 1}


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalBroker]:
    with mortal_broker(tmp_path_factory.mktemp("broker"), TOPICS) as broker:
        yield broker


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, mortal: MortalBroker) -> Iterator[GatewayProcess]:
    """One for all tests: each leaves it ready."""
    with gateway_process(tmp_path_factory.mktemp("gateway"), mortal.address) as gateway:
        yield gateway


def post(gateway: GatewayProcess, **changes: Any) -> httpx.Response:
    body = {**EXAMPLES["feedback"], **changes}
    return httpx.post(f"{gateway.url}/v1/feedback?receipts=true", json=body, timeout=60)


def test_every_input_partition_gets_a_tick_a_second(gateway: GatewayProcess, mortal: MortalBroker) -> None:
    for topic, partitions in TOPICS.items():
        for partition in range(partitions):
            ticks = [read for read in read_partition(mortal.address, topic, partition, 6) if is_tick(read[2] or b"")][
                :4
            ]
            stamps = [stamp for _, _, _, stamp in ticks]
            events = [json.loads(value) for _, _, value, _ in ticks if value]
            assert [event["at_ms"] for event in events] == stamps
            assert {event["gateway"] for event in events} == {events[0]["gateway"]}
            assert 2_500 <= stamps[3] - stamps[0] <= 20_000  # the lower bound is the rhythm, the upper a busy machine


def test_a_broker_that_dies_and_returns(gateway: GatewayProcess, mortal: MortalBroker) -> None:
    first = post(gateway)
    assert first.status_code == 202
    mortal.kill()
    gateway.wait_for("/readyz", 503)
    refused = post(gateway)
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert httpx.get(f"{gateway.url}/healthz").status_code == 200
    failed = 'xpulse_gateway_ticks_total{outcome="failed",topic="records"}'
    wait_until(lambda: gateway.metric(failed) > 0, gateway.log)

    mortal.start(TOPICS)
    gateway.wait_for("/readyz", 200)
    again = post(gateway, event_id="after", response_id="after")
    assert again.status_code == 202
    assert again.json()["incarnation"] == str(topic_incarnation(mortal.address, "records"))
    assert again.json()["incarnation"] != first.json()["incarnation"]
    ((partition, offset),) = again.json()["records"]
    (_, _, value, _) = read_partition(mortal.address, "records", partition, offset + 1)[-1]
    assert value is not None
    assert json.loads(value)["event_id"] == "after"
    assert is_tick(find_record(mortal.address, "telemetry", 3, is_tick)[2] or b"")
    wait_until(lambda: "ticks_resumed topic=telemetry" in gateway.log(), gateway.log)


def is_tick(value: bytes) -> bool:
    return bool(json.loads(value)["signal"] == "tick")


def test_no_202_before_the_broker_has_it(gateway: GatewayProcess, mortal: MortalBroker) -> None:
    assert mortal.pid is not None
    os.kill(mortal.pid, 19)  # SIGSTOP: the broker takes the bytes and answers nothing
    try:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{gateway.url}/v1/feedback", json=EXAMPLES["feedback"], timeout=2)
    finally:
        os.kill(mortal.pid, 18)
    gateway.wait_for("/readyz", 200)
    assert post(gateway).status_code == 202


def test_a_directory_is_used_without_a_restart(tmp_path: Path, gateway: GatewayProcess) -> None:
    source = tmp_path / "directory.csv"
    source.write_text(f"{','.join(HEADER)}\nperson,jane.doe@example.com,2020-01-01,NO,,,,,,\n")
    load(source, tenant="acme", folder=gateway.directory_dir, pseudonyms=Pseudonyms(KEY))
    entries = 'xpulse_gateway_directory_entries{kind="person"}'
    wait_until(lambda: gateway.metric(entries) == 1, gateway.log)
    (gateway.directory_dir / "globex.csv").write_text("broken")
    wait_until(lambda: "directory_not_read" in gateway.log(), gateway.log)
    assert gateway.metric('xpulse_gateway_directory_loads_total{outcome="failed"}') == 1
    assert gateway.metric(entries) == 1


def test_logs_and_metrics_name_nobody(gateway: GatewayProcess) -> None:
    canary = "canary4711"
    events: list[dict[str, Any]] = [
        {"person": f"{canary}@example.com"},
        {"person": f"{canary}@example.com", "score": 99},
        {"person": f"{canary}@example.com", canary: canary},
    ]
    assert [post(gateway, **event).status_code for event in events] == [202, 422, 422]
    httpx.get(f"{gateway.url}/v1/{canary}", params={canary: canary})
    httpx.post(f"{gateway.url}/v1/feedback", content=canary.encode(), headers={"X-Xpulse-Tenant": canary})
    log = gateway.log()
    assert "request route=feedback status=202" in log
    assert "request route=other status=404" in log
    for secret in (canary, KEY.hex(), "jane"):
        assert secret not in log
        assert secret not in httpx.get(f"{gateway.url}/metrics").text


def test_it_listens_on_loopback_and_leaves_in_order(tmp_path: Path, mortal: MortalBroker) -> None:
    with gateway_process(tmp_path, mortal.address) as gateway:
        assert gateway.process is not None
        sockets = Path(f"/proc/{gateway.process.pid}/net/tcp").read_text()
        listening = [line.split()[1] for line in sockets.splitlines() if line.split()[3] == "0A"]
        port = f":{gateway.port:04X}"
        assert [address for address in listening if address.endswith(port)] == [f"0100007F{port}"]
        started = time.monotonic()
        gateway.stop()
        assert time.monotonic() - started < 20
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{gateway.url}/healthz")
        assert "Traceback" not in gateway.log()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"XPULSE_KEY_FILE": ""}, "XPULSE_KEY_FILE is not set"),
        ({"XPULSE_KEY_FILE": "/nonexistent"}, "key file /nonexistent: No such file"),
        ({"XPULSE_DIRECTORY_DIR": ""}, "XPULSE_DIRECTORY_DIR is not set"),
        ({"XPULSE_CATALOGUE_FILE": "/nonexistent"}, "/nonexistent: cannot be read"),
    ],
)
def test_a_wrong_setting_ends_it_with_one_line(tmp_path: Path, change: dict[str, str], says: str) -> None:
    gateway = GatewayProcess(tmp_path, "127.0.0.1:1")
    ended = run(gateway, change)
    assert ended.returncode == 2
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


def run(gateway: GatewayProcess, change: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agents.gateway", "--port", str(gateway.port)]
    environment = {**gateway.environment, **change}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_broken_directory_keeps_it_from_starting(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path, "127.0.0.1:1")
    gateway.directory_dir.mkdir()
    (gateway.directory_dir / "acme.csv").write_text("broken\n")
    ended = run(gateway, {})
    assert ended.returncode == 2
    assert f"{gateway.directory_dir / 'acme.csv'}:1: expected the header" in ended.stderr
