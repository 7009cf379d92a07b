"""`xpulse alerts`: what a person sees who lists, shows, takes on, silences and tries."""

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, TopicPartition
from typer.testing import CliRunner

from agents.cli.alerts import alerts
from agents.cli.alerts.acting import ack_of, silence_of
from agents.deliver_store import Attempt, DeliverStore
from agents.judge_store import JudgeStore
from agents.notify import NOTIFIERS
from agents.settings import Settings
from agents.topics import RECORDS, ensure_topics
from agents.warehouse.client import Address, Warehouse
from streams.codecs import Ok, decode
from streams.errors import ConfigError, DeliveryError
from streams.events import Action
from streams.events.judging import Alert
from streams.judging.outbox import key_of
from streams.records import TABLES, doubt, to_row
from tests.agents.notify.alerts import FIRING, RESOLVED
from tests.agents.notify.doors import Door, running_door
from tests.agents.notify.managers import Alertmanager, running_alertmanager

MAIL = msgspec.structs.replace(
    FIRING,
    alert_id="aaaaaa" + "1" * 26,
    target="mail",
    summary="Mail is bad.",
    contributions=[{"dimension": "country", "value": "NO", "points": "-20.0", "share": "0.700", "n": "12"}],
    coincidences=[{"kind": "deploy", "name": "CHG0030"}, {"kind": "wave", "name": "CHG0031", "title": "Mail 12"}],
)
VPN = msgspec.structs.replace(FIRING, alert_id="aaaaaa" + "2" * 26, target="vpn", tenant="other", calls="inhibited")
ENDED = msgspec.structs.replace(RESOLVED, alert_id="b" * 32, target="ended")


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A user without settings and without a running installation."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in Settings().environment():
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def world(alone: pytest.MonkeyPatch, broker: str, migrated: Address, store: Warehouse, tmp_path: Path) -> Warehouse:
    """Three alerts, one of them told, and a user whose settings name where they are."""
    password = tmp_path / "password"
    password.write_text(migrated.password)
    settings = Settings(
        brokers=broker,
        clickhouse_host=migrated.host,
        clickhouse_port=migrated.port,
        clickhouse_database=migrated.database,
        clickhouse_password_file=str(password),
        data_dir=str(tmp_path),
    )
    for name, value in settings.environment().items():
        alone.setenv(name, value)
    JudgeStore(store).write_alerts([MAIL, VPN, ENDED], now_ms=int(time.time() * 1000))
    attempts = [Attempt(key_of(MAIL), "webhook", "retry", "webhook desk.example: HTTP 500", 1_000)]
    DeliverStore(store).record([*attempts, Attempt(key_of(MAIL), "webhook", "delivered", "", 2_000)])
    return store


def run(*arguments: str) -> str:
    result = CliRunner().invoke(alerts, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.integration
def test_list_shows_what_fires_and_all_shows_the_rest(world: Warehouse) -> None:
    shown = run("list")
    assert "2 alerts" in shown
    assert MAIL.alert_id in shown
    assert "inhibited" in shown
    assert ENDED.alert_id not in shown
    assert ENDED.alert_id in run("list", "--all")
    assert "1 alert\n" in run("list", "--tenant", "other")
    found = json.loads(run("list", "--json", "--tenant", "acme"))
    assert [(one["alert_id"], one["score"], one["started_at"], one["acks"]) for one in found] == [
        (MAIL.alert_id, -80.0, "2026-03-01 02:00:00 UTC", [])
    ]


@pytest.mark.integration
def test_show_says_everything_about_one_by_the_beginning_of_its_id(world: Warehouse) -> None:
    shown = run("show", "aaaaaa1")
    for part in (
        "Mail is bad.",
        MAIL.alert_id,
        MAIL.runbook,
        "HTTP 500",
        "delivered",
        "acknowledged: none",
        "0.700",
        "Mail 12",
    ):
        assert part in shown
    whole = json.loads(run("show", "aaaaaa1", "--json"))
    assert [one["outcome"] for one in whole["deliveries"]] == ["retry", "delivered"]
    assert [(one["sequence"], one["state"]) for one in whole["states"]] == [(0, "firing")]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "reason"),
    [("aaa", "6 characters"), ("cccccc", "alerts list --all"), ("aaaaaa", f"allowed: one of .*{MAIL.alert_id}")],
)
def test_an_id_that_names_no_single_alert_is_explained(world: Warehouse, name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        run("show", name)


@pytest.mark.integration
def test_ack_appends_an_action_that_is_stored_and_shown(world: Warehouse, broker: str) -> None:
    ensure_topics(broker, {RECORDS: 1})
    told = run("ack", "aaaaaa1", "--by", "jane", "--reason", "case 4711")
    (action,) = [one for one in actions(broker) if one.alert_id == MAIL.alert_id]
    assert action.action_id in told
    assert (action.kind, action.tenant, action.target) == ("ack", "acme", "mail")
    assert (action.actor, action.reason) == ("jane", "case 4711")
    store_action(world, action)
    assert "jane" in run("list", "--tenant", "acme")
    assert "case 4711" in run("show", "aaaaaa1")


def actions(broker: str) -> list[Action]:
    """Return all actions on the topic."""
    client = Consumer({"bootstrap.servers": broker, "group.id": "reads-actions", "auto.offset.reset": "earliest"})
    client.assign([TopicPartition(RECORDS, 0, 0)])
    found: list[Action] = []
    deadline = time.monotonic() + 20
    while not found and time.monotonic() < deadline:
        for message in client.consume(1000, timeout=0.5):
            outcome = decode(message.value() or b"")
            if isinstance(outcome, Ok) and isinstance(outcome.event, Action):
                found.append(outcome.event)
    client.close()
    return found


def store_action(store: Warehouse, action: Action) -> None:
    """Store it as the records agent does."""
    stamp_ms = action.event_time_ms
    assert doubt(action, stamp_ms) is None
    table = TABLES[Action]
    store.insert_rows(table.name, table.columns, [to_row(action, stamp_ms=stamp_ms, offset=0)])


def test_two_people_may_take_the_same_alert_on() -> None:
    one, other = (ack_of(whole(MAIL), by="j", reason="r", now_ms=5) for _ in range(2))
    assert one.action_id != other.action_id
    assert (one.event_time_ms, one.revision, one.event_id) == (5, 0, one.action_id)


def whole(alert: Alert) -> dict[str, Any]:
    return dict(msgspec.structs.asdict(alert))


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Alertmanager]:
    with running_door() as desk, running_alertmanager(tmp_path / "alertmanager", desk.url) as running:
        yield running


@pytest.mark.integration
def test_silence_keeps_a_real_alertmanager_quiet_about_the_target(world: Warehouse, manager: Alertmanager) -> None:
    said = run(
        "silence", "aaaaaa1", "--for", "2h", "--by", "jane", "--reason", "migration", "--alertmanager", manager.url
    )  # fmt: skip
    (found,) = manager.get("/api/v2/silences")
    assert found["id"] in said
    assert (found["createdBy"], found["comment"], found["status"]["state"]) == ("jane", "migration", "active")
    assert {one["name"]: one["value"] for one in found["matchers"]} == {
        "tenant": "acme", "target": "mail", "detector": "e-detector",
    }  # fmt: skip


def test_a_silence_ends_after_its_length() -> None:
    silence = silence_of(whole(MAIL), by="j", reason="r", length_s=7_200, now_ms=1_772_330_400_000)
    assert (silence["startsAt"], silence["endsAt"]) == ("2026-03-01T02:00:00Z", "2026-03-01T04:00:00Z")


@pytest.mark.integration
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("silence", "aaaaaa1", "--for", "2h", "--reason", "r"), "XPULSE_ALERTMANAGER_URL"),
        (("silence", "aaaaaa1", "--for", "soon", "--reason", "r", "--alertmanager", "http://x"), "--for: .*8h"),
        (("silence", "aaaaaa1", "--for", "31d", "--reason", "r", "--alertmanager", "http://x"), "allowed: 1s to 30d"),
        (("ack", "aaaaaa1", "--reason", " "), "--reason: allowed"),
        (("ack", "aaaaaa1", "--reason", "r", "--by", "x" * 201), "--by: allowed"),
    ],
)
def test_what_cannot_be_done_names_what_can(world: Warehouse, arguments: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        run(*arguments)


@pytest.mark.integration
def test_an_alertmanager_that_is_away_is_no_secret_but_its_address_is(world: Warehouse) -> None:
    with pytest.raises(DeliveryError, match="does not answer: ConnectError") as caught:
        run("silence", "aaaaaa1", "--for", "1h", "--reason", "r", "--alertmanager", "http://me:hidden@127.0.0.1:9")
    assert "hidden" not in repr(caught.value)


@pytest.fixture
def door() -> Iterator[Door]:
    with running_door() as running:
        yield running


@pytest.mark.integration
def test_a_trial_is_marked_and_goes_the_real_way(alone: pytest.MonkeyPatch, door: Door) -> None:
    assert "webhook: taken" in run(
        "test", "webhook", "--url", door.url, "--severity", "critical", "--routes", "noc, desk"
    )
    (alert,) = door.bodies()[0]["alerts"]
    assert (alert["labels"]["alertname"], alert["labels"]["severity"]) == ("XpulseTest", "critical")
    assert alert["labels"]["routes"] == "noc,desk"
    assert alert["annotations"]["summary"].startswith("TEST: nothing is wrong.")


@pytest.mark.integration
def test_a_trial_of_a_real_alertmanager_ends_by_itself(alone: pytest.MonkeyPatch, manager: Alertmanager) -> None:
    assert "five minutes" in run("test", "alertmanager", "--url", manager.url)
    (alert,) = manager.alerts(alertname="XpulseTest")
    began, ends = (datetime.fromisoformat(alert[name]) for name in ("updatedAt", "endsAt"))
    assert 299 <= (ends - began).total_seconds() <= 301


@pytest.mark.integration
def test_a_trial_that_is_not_taken_says_why(alone: pytest.MonkeyPatch, door: Door) -> None:
    door.manner = "fail"
    with pytest.raises(DeliveryError, match=r"webhook 127.0.0.1: HTTP 500; the deliver agent would try again"):
        run("test", "webhook", "--url", door.url)
    door.manner = "refuse"
    with pytest.raises(DeliveryError, match=r"HTTP 400; the deliver agent would not try again"):
        run("test", "webhook", "--url", door.url)


def test_a_route_that_does_not_exist_or_is_not_configured(alone: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=f"allowed: {', '.join(NOTIFIERS)}"):
        run("test", "pigeon")
    for route, setting in (("webhook", "XPULSE_WEBHOOK_URL"), ("alertmanager", "XPULSE_ALERTMANAGER_URL")):
        with pytest.raises(ConfigError, match=f"{route} is not configured.*{setting}"):
            run("test", route)


def test_the_log_is_a_route_as_well(alone: pytest.MonkeyPatch) -> None:
    assert '"tenant":"xpulse-test"' in run("test", "log")


@pytest.mark.parametrize("command", ["list", "show", "ack", "silence", "test"])
def test_help_teaches_by_an_example(command: str) -> None:
    assert f"xpulse alerts {command}" in run(command, "--help").replace("\n", " ").replace("  ", " ")
