"""The main job as a user runs it: everything exact, planted drifts alerted, and the same after parts were killed."""

from __future__ import annotations

import socket
from pathlib import Path

import clickhouse_connect
import httpx
import psutil
import pytest
from confluent_kafka import Producer

from tests.agents.demo.running import RunningDemo, running_demo
from tests.agents.local.services import wait_until

pytestmark = pytest.mark.integration

GARBAGE = b'{"signal":"telemetry","device":true}'


def put_on_topic(brokers: str, raw: bytes) -> tuple[int, int]:
    """Bypass the gateway; return partition and offset."""
    placed: list[tuple[int | None, int | None]] = []
    producer = Producer({"bootstrap.servers": brokers})
    producer.produce("telemetry", raw, partition=2, on_delivery=lambda _, m: placed.append((m.partition(), m.offset())))
    producer.flush(20)
    partition, offset = placed[0]
    assert partition is not None
    assert offset is not None
    return partition, offset


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def refuse_a_bad_answer(gateway: str) -> None:
    answer = httpx.post(f"{gateway}/v1/feedback", json={"event_id": "e", "score": 11}, headers={"X-Xpulse-Tenant": "t"})
    assert 400 <= answer.status_code < 500
    assert "score" in answer.text


def quarantine_bad_bytes(demo: RunningDemo, brokers: str) -> None:
    partition, offset = put_on_topic(brokers, GARBAGE)
    question = f"SELECT topic, partition, offset, reason, raw FROM quarantine WHERE offset = {offset}"
    wait_until(lambda: bool(demo.sql(question, user="xpulse")), "the quarantined record", within_s=30)
    row = demo.sql(question, user="xpulse")[0]
    assert (row["topic"], int(row["partition"]), int(row["offset"])) == ("telemetry", partition, offset)
    assert row["reason"].startswith("$.")
    assert row["raw"].encode() == GARBAGE


def ask_like_any_client(demo: RunningDemo, port: int) -> None:
    question = "SELECT target, version FROM xpulse_pub.targets ORDER BY tenant, target"
    wait_until(lambda: bool(demo.sql(question)), "the targets", within_s=30)
    client = clickhouse_connect.get_client(host="127.0.0.1", port=port)
    plain = client.query(question).result_rows
    client.close()
    assert [(row["target"], row["version"]) for row in demo.sql(question)] == [tuple(row) for row in plain]
    assert len(plain) == 32


@pytest.mark.timeout(300)
def test_a_demo_is_exact_although_parts_are_killed(tmp_path: Path) -> None:
    with running_demo(tmp_path / "data", "--for", "80s") as demo:
        known = demo.await_start()
        children = demo.children()
        refuse_a_bad_answer(known["gateway"])
        ask_like_any_client(demo, known["clickhouse_port"])
        demo.kill("telemetry")
        demo.kill("clickhouse")
        quarantine_bad_bytes(demo, known["brokers"])
        quarantine_bad_bytes(demo, known["brokers"])  # the rest of the partition goes on
        status, report, output = demo.finish(240)
    assert (status, report["exit"]) == (0, "ok"), output
    assert report["windows"]["wrong"] == report["audits"]["wrong"] == report["feedback"]["wrong"] == 0
    assert report["windows"]["expected"] == report["windows"]["exact"] >= 500
    assert report["events"]["produced"] >= 50_000
    assert report["events"]["invalid"] == 2
    assert report["events"]["duplicate"] > 0
    assert report["real_input"]["events"] >= 500
    assert report["restarts"]["telemetry"] == report["restarts"]["clickhouse"] == 1
    assert {alert["planted"] for alert in report["alerts"]} == {True}
    wait_until(lambda: not any(child.is_running() for child in children), "the end of all processes", within_s=10)
    assert all(is_free(int(port)) for port in (known["clickhouse_port"], known["brokers"].rpartition(":")[2]))
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or ())]


@pytest.mark.timeout(200)
def test_a_lost_broker_is_stated_plainly_and_the_rest_is_exact(tmp_path: Path) -> None:
    with running_demo(tmp_path / "data", "--for", "30s") as demo:
        known = demo.await_start()
        partition, _ = put_on_topic(known["brokers"], GARBAGE)
        assert partition == 2
        wait_until(lambda: _folded(demo) > 3_000, "some telemetry", within_s=60)
        demo.kill("broker")
        status, report, output = demo.finish(180)
    assert (status, report["exit"]) == (3, "loss"), output
    assert report["windows"]["wrong"] == 0
    assert report["restarts"]["broker"] == 1
    assert report["restarts"]["gateway"] >= 1
    assert "LOSS" in output


def _folded(demo: RunningDemo) -> float:
    rows = demo.sql("SELECT sum(value) AS n FROM data_quality WHERE lane = 'telemetry' AND measure = 'valid'")
    return float(rows[0]["n"])
