"""Notifiers: none forgotten, the body that receivers know, what statuses mean, and a webhook to a real receiver."""

import asyncio
import io
import json
import logging
import pkgutil
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import msgspec
import pytest

from agents import notify
from agents.notify import NOTIFIERS, NotifyConfig, build_notifiers
from agents.notify._statuses import meaning_of
from agents.notify.log import LogNotifier
from agents.notify.webhook.body import body_of
from agents.notify.webhook.sender import WebhookNotifier
from streams.codecs import Ok, decode
from streams.errors import ConfigError, DeliveryError
from streams.events.judging import Alert

FIRING = Alert(
    tenant="acme",
    alert_id="a" * 32,
    dedup_key="d" * 32,
    sequence=0,
    target="happy/country=NO",
    version=3,
    detector="e-detector",
    state="firing",
    reason="the detector found a change to the worse",
    severity="warning",
    started_at_ms=1_772_330_400_000,
    at_ms=1_772_330_400_000,
    slice={"country": "NO"},
    objective=60.0,
    score=-80.0,
    lower=-93.75,
    upper=None,
    n=10,
    coverage=0.9,
    summary="Happiness in country NO has drifted below its target.",
    runbook="docs/runbooks/happiness-drift.md",
)
RESOLVED = msgspec.structs.replace(FIRING, state="resolved", sequence=1, at_ms=1_772_334_000_250)


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
    asyncio.run(LogNotifier(out).send(FIRING))
    (line,) = out.getvalue().splitlines()
    assert decode(line.encode()) == Ok(FIRING)


def test_a_closed_log_may_be_tried_again() -> None:
    out = io.StringIO()
    out.close()
    with pytest.raises(DeliveryError) as caught:
        asyncio.run(LogNotifier(out).send(FIRING))
    assert caught.value.is_retryable


def test_a_firing_alert_in_alertmanagers_words() -> None:
    body = body_of(FIRING)
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
        "slice_country": "NO",
    }
    assert alert["annotations"]["summary"] == FIRING.summary
    assert alert["annotations"]["runbook_url"] == FIRING.runbook
    assert (alert["annotations"]["score"], alert["annotations"]["objective"]) == ("-80", "60")
    assert "upper" not in alert["annotations"]
    assert all(isinstance(text, str) for text in [*alert["labels"].values(), *alert["annotations"].values()])


def test_a_resolved_alert_has_its_end_and_the_same_identity() -> None:
    (before,), (after,) = body_of(FIRING)["alerts"], body_of(RESOLVED)["alerts"]
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


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "169.254.169.254"])
def test_this_machine_and_its_link_are_not_called(host: str) -> None:
    notifier = WebhookNotifier(f"http://{host}:9/hook", may_be_local=False)
    with pytest.raises(DeliveryError, match="not allowed") as caught:
        asyncio.run(notifier.send(FIRING))
    assert not caught.value.is_retryable


def test_the_link_is_not_called_even_if_this_machine_may_be() -> None:
    with pytest.raises(DeliveryError, match="not allowed"):
        asyncio.run(WebhookNotifier("http://169.254.169.254/", may_be_local=True).send(FIRING))


class Receiver(ThreadingHTTPServer):
    """A receiver on this machine; each path misbehaves in its own way."""

    daemon_threads = True
    bodies: ClassVar[list[dict[str, Any]]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up here on purpose."""


class Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Receiver.bodies.append(body)
        kind = self.path.split("/")[-1]
        if kind == "hang":
            time.sleep(3)
        elif kind == "reset":
            self.connection.close()
        elif kind == "drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for _ in range(30):
                time.sleep(0.1)
                self.wfile.write(b"x-a: b\r\n")
        elif kind == "redirect":
            self.send_response(307)
            self.send_header("location", "/200")
            self.end_headers()
        else:
            self.send_response(int(kind))
            self.end_headers()
            self.wfile.write(b"x" * 100_000)

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def receiver() -> Iterator[str]:
    Receiver.bodies.clear()
    server = Receiver(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/secret-path"
    server.shutdown()
    thread.join()
    server.server_close()


async def post(url: str, *, attempt_s: float = 5.0) -> None:
    notifier = WebhookNotifier(url, may_be_local=True, attempt_s=attempt_s)
    try:
        await notifier.send(FIRING)
    finally:
        await notifier.close()


@pytest.mark.integration
def test_a_receiver_gets_the_body(receiver: str) -> None:
    asyncio.run(post(f"{receiver}/200"))
    assert Receiver.bodies == [body_of(FIRING)]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("kind", "reason", "is_retryable"),
    [
        ("429", "HTTP 429", True),
        ("500", "HTTP 500", True),
        ("404", "HTTP 404", False),
        ("redirect", "HTTP 307", False),
        ("reset", "RemoteProtocolError|ReadError", True),
        ("hang", "no answer in time|ReadTimeout", True),
        ("drip", "no answer in time", True),
    ],
)
def test_a_receiver_that_does_not_take_it(
    receiver: str, kind: str, reason: str, is_retryable: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    started = time.monotonic()
    with pytest.raises(DeliveryError) as caught:
        asyncio.run(post(f"{receiver}/{kind}", attempt_s=0.5))
    assert time.monotonic() - started < 2.5
    assert caught.value.is_retryable is is_retryable
    assert re.fullmatch(rf"webhook 127\.0\.0\.1: ({reason})", caught.value.reason)
    assert "secret-path" not in caplog.text + repr(caught.value) + repr(caught.value.__cause__)
    assert len(Receiver.bodies) == 1


@pytest.mark.integration
def test_nobody_there_may_be_tried_again(receiver: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        asyncio.run(post("http://127.0.0.1:9/secret-path"))
    assert caught.value.is_retryable
    assert caught.value.reason == "webhook 127.0.0.1: ConnectError"
