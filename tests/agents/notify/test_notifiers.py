"""Notifiers: none forgotten, the body that receivers know, the signature, what statuses mean, and a real receiver."""

import asyncio
import base64
import hashlib
import hmac
import io
import logging
import pkgutil
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents import notify
from agents.notify import NOTIFIERS, Busy, Notice, NotifyConfig, build_notifiers
from agents.notify._post import Poster
from agents.notify._statuses import meaning_of, wait_of
from agents.notify.log import LogNotifier
from agents.notify.webhook.body import body_of
from agents.notify.webhook.sender import WebhookNotifier
from agents.notify.webhook.signature import headers_of, keys_of, message_id
from streams.codecs import Ok, decode
from streams.errors import ConfigError, DeliveryError
from tests.agents.notify.alerts import FIRING, RESOLVED, WORKING
from tests.agents.notify.doors import Door, Manner, running_door

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the specification's own example


def test_every_notifier_is_registered() -> None:
    found = {module.name for module in pkgutil.iter_modules(notify.__path__)}
    assert {name for name in found if not name.startswith("_")} == set(NOTIFIERS)


def test_only_configured_notifiers_are_built() -> None:
    assert set(build_notifiers(NotifyConfig())) == {"log"}
    assert set(build_notifiers(NotifyConfig(webhook_url="https://desk.example/hook"))) == {"log", "webhook"}


def test_the_configuration_does_not_show_its_secret() -> None:
    assert "hidden" not in repr(NotifyConfig(webhook_url="https://desk.example/hidden"))


def test_the_log_writes_one_line_of_json() -> None:
    out = io.StringIO()
    asyncio.run(LogNotifier(out).send(Notice(FIRING)))
    (line,) = out.getvalue().splitlines()
    assert decode(line.encode()) == Ok(FIRING)


def test_a_closed_log_may_be_tried_again() -> None:
    out = io.StringIO()
    out.close()
    with pytest.raises(DeliveryError) as caught:
        asyncio.run(LogNotifier(out).send(Notice(FIRING)))
    assert caught.value.is_retryable


def test_a_firing_alert_in_alertmanagers_words() -> None:
    body = body_of(Notice(FIRING, WORKING))
    (alert,) = body["alerts"]
    assert (body["version"], body["status"], body["groupKey"], body["truncatedAlerts"]) == (
        "4", "firing", "acme/happy/country=NO", 0,
    )  # fmt: skip
    assert (alert["startsAt"], alert["endsAt"]) == ("2026-03-01T02:00:00.000Z", "0001-01-01T00:00:00Z")
    assert alert["fingerprint"] == "d" * 16
    assert alert["labels"] == body["commonLabels"]
    assert alert["labels"] == {
        "alertname": "ExperienceDrift",
        "tenant": "acme",
        "target": "happy/country=NO",
        "detector": "e-detector",
        "severity": "warning",
        "hours": "working",
        "routes": "desk,noc",
        "slice_country": "NO",
    }
    assert alert["annotations"]["summary"] == FIRING.summary
    assert alert["annotations"]["runbook_url"] == FIRING.runbook
    assert (alert["annotations"]["score"], alert["annotations"]["objective"]) == ("-80", "60")
    assert "upper" not in alert["annotations"]
    assert all(isinstance(text, str) for text in [*alert["labels"].values(), *alert["annotations"].values()])


def test_a_resolved_alert_has_its_end_and_the_same_identity() -> None:
    (before,), (after,) = body_of(Notice(FIRING))["alerts"], body_of(Notice(RESOLVED))["alerts"]
    assert after["endsAt"] == "2026-03-01T03:00:00.250Z"
    assert after["status"] == "resolved"
    assert {name: after[name] for name in ("labels", "fingerprint", "startsAt")} == {
        name: before[name] for name in ("labels", "fingerprint", "startsAt")
    }


@pytest.mark.parametrize(
    ("meaning", "statuses"),
    [
        ("taken", [200, 201, 202, 204, 299]),
        ("later", [408, 423, 425, 429, 500, 502, 503, 504, 599]),
        ("never", [100, 301, 302, 307, 400, 401, 403, 404, 410, 413, 422, 501, 505]),
    ],
)
def test_what_answers_mean(meaning: str, statuses: list[int]) -> None:
    assert {status: meaning_of(status) for status in statuses} == dict.fromkeys(statuses, meaning)


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        (None, None), ("", None), ("soon", None), ("-5", None), ("1.5", None), ("٣", None),
        ("0", 0.0), (" 7 ", 7.0), ("9" * 400, 999_999_999_999.0),
        ("Sun, 01 Mar 2026 02:00:30 GMT", 30.0), ("Sun, 01 Mar 2026 01:00:00 GMT", 0.0),
    ],
)  # fmt: skip
def test_when_a_receiver_asks_to_come_back(said: str | None, wait_s: float | None) -> None:
    assert wait_of(said, FIRING.at_ms / 1000) == wait_s


def test_the_signature_is_the_one_of_the_specification() -> None:
    headers = headers_of(
        keys_of(SECRET, source="s"), "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', 1_614_265_330
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_several_secrets_give_several_signatures() -> None:
    other = "whsec_" + base64.b64encode(b"x" * 32).decode()
    keys = keys_of(f"{SECRET}\n\n {other} \n", source="s")
    assert len(keys) == 2
    assert [len(headers_of(keys[:n], "i", b"", 1).get("webhook-signature", "").split()) for n in (0, 1, 2)] == [0, 1, 2]


@pytest.mark.parametrize(
    "text",
    ["", " \n", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_short", "whsec_" + "A" * 28, "whsec_" + "A" * 88,
     "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!!"],
)  # fmt: skip
def test_what_is_no_secret_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ConfigError, match="allowed: ") as caught:
        keys_of(text, source="the file")
    assert not text.strip() or text.removeprefix("whsec_") not in str(caught.value) or text == "whsec_"


def test_a_message_keeps_its_id_and_each_state_has_its_own() -> None:
    assert message_id(Notice(FIRING)) == message_id(Notice(FIRING, WORKING)) == f"{'a' * 32}_0"
    assert message_id(Notice(RESOLVED)) != message_id(Notice(FIRING))


def test_a_missing_secret_file_is_named(tmp_path: Path) -> None:
    config = NotifyConfig(webhook_url="https://desk.example/x", webhook_secret_file=str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"XPULSE_WEBHOOK_SECRET_FILE.*none"):
        build_notifiers(config)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://desk.example/x", "gopher://desk.example", "desk.example", "http://", "https:///x",
        "http://[::1", "http://desk.example:99999/", "javascript:alert(1)", "http://localhost/x", "http://LOCALHOST./x",
    ],
)  # fmt: skip
def test_addresses_that_are_refused_at_the_start(url: str) -> None:
    with pytest.raises(ConfigError, match="XPULSE_WEBHOOK_URL") as caught:
        build_notifiers(NotifyConfig(webhook_url=url))
    assert "/x" not in str(caught.value).replace("/path", "")


@pytest.fixture
def door() -> Iterator[Door]:
    with running_door() as running:
        yield running


async def post(url: str, *, attempt_s: float = 5.0, keys: tuple[bytes, ...] = ()) -> None:
    poster = Poster(f"{url}/secret-path", name="webhook", setting="test", may_be_local=True, attempt_s=attempt_s)
    notifier = WebhookNotifier(poster, keys)
    try:
        await notifier.send(Notice(FIRING))
    finally:
        await notifier.close()


@pytest.mark.integration
def test_a_receiver_gets_the_signed_body(door: Door) -> None:
    asyncio.run(post(door.url, keys=keys_of(SECRET, source="s")))
    (posted,) = door.posted
    assert posted.body == body_of(Notice(FIRING))
    assert posted.headers["host"] == door.url.removeprefix("http://")
    assert abs(int(posted.headers["webhook-timestamp"]) - time.time()) < 60
    signed = f"{posted.headers['webhook-id']}.{posted.headers['webhook-timestamp']}.".encode() + posted.raw
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert posted.headers["webhook-signature"] == f"v1,{expected}"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("manner", "reason", "is_retryable"),
    [
        ("busy", "HTTP 429", True),
        ("fail", "HTTP 500", True),
        ("refuse", "HTTP 400", False),
        ("redirect", "HTTP 307", False),
        ("reset", "RemoteProtocolError|ReadError", True),
        ("hang", "no answer in time|ReadTimeout", True),
        ("drip", "no answer in time", True),
    ],
)
def test_a_receiver_that_does_not_take_it(
    door: Door, manner: Manner, reason: str, is_retryable: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    door.manner = manner
    started = time.monotonic()
    with pytest.raises(DeliveryError) as caught:
        asyncio.run(post(door.url, attempt_s=0.5))
    assert time.monotonic() - started < 10
    assert caught.value.is_retryable is is_retryable
    assert not isinstance(caught.value, Busy)
    assert re.fullmatch(rf"webhook 127\.0\.0\.1: ({reason})", caught.value.reason)
    assert "secret-path" not in caplog.text + repr(caught.value) + repr(caught.value.__cause__)
    assert len(door.posted) == 1


@pytest.mark.integration
def test_a_receiver_may_say_when_to_come_back(door: Door) -> None:
    door.manner, door.retry_after = "busy", "30"
    with pytest.raises(Busy) as caught:
        asyncio.run(post(door.url))
    assert (caught.value.is_retryable, caught.value.retry_after_s) == (True, 30.0)


@pytest.mark.integration
def test_nobody_there_may_be_tried_again() -> None:
    with pytest.raises(DeliveryError) as caught:
        asyncio.run(post("http://127.0.0.1:9"))
    assert caught.value.is_retryable
    assert caught.value.reason == "webhook 127.0.0.1: ConnectError"
