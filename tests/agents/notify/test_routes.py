"""The Alertmanager configuration that we ship: sound, routed as it says, and told to receivers by a real one."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from agents.notify import Duty, Notice
from tests.agents.local.services import wait_until
from tests.agents.notify.alerts import episode
from tests.agents.notify.doors import Door, running_door
from tests.agents.notify.managers import Alertmanager, running_with
from tests.agents.notify.test_alertmanager import with_notifier
from tests.needs import program

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "infra" / "alertmanager" / "alertmanager.yml"
SECRETS = "/etc/alertmanager/secrets"

pytestmark = pytest.mark.integration


def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [program("amtool"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def test_amtool_accepts_the_configuration() -> None:
    done = amtool("check-config", str(FILE))
    assert done.returncode == 0, done.stdout + done.stderr


def test_amtool_would_refuse_a_misspelt_key(tmp_path: Path) -> None:
    wrong = tmp_path / "alertmanager.yml"
    wrong.write_text(FILE.read_text().replace("repeat_interval:", "repeat_intervall:"))
    assert amtool("check-config", str(wrong)).returncode != 0


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({"alertname": "XpulseAlive", "severity": "none", "hours": "any"}, "dead-man"),
        ({"alertname": "ExperienceDrift", "severity": "critical", "hours": "any"}, "on-call"),
        ({"alertname": "ExperienceDrift", "severity": "critical", "hours": "working"}, "on-call"),
        ({"alertname": "ExperienceDrift", "severity": "warning", "hours": "working"}, "desk"),
        ({"alertname": "ExperienceDrift", "severity": "info", "hours": "any"}, "mailbox"),
        ({"alertname": "ExperienceDrift", "severity": "warning", "routes": "noc,teams"}, "teams"),
        ({"alertname": "ExperienceDrift", "severity": "warning", "hours": "any", "routes": "teams"}, "teams,desk"),
        ({"alertname": "ExperienceDrift", "severity": "warning", "hours": "any", "routes": "steams"}, "desk"),
        ({"alertname": "Something"}, "mailbox"),
    ],
)
def test_where_alerts_go(labels: dict[str, str], receivers: str) -> None:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    done = amtool("config", "routes", "test", f"--config.file={FILE}", f"--verify.receivers={receivers}", *pairs)
    assert done.returncode == 0, done.stdout + done.stderr


def everything_but_matchers(configuration: Any) -> Iterator[tuple[str, str]]:
    """Return every key and text of the configuration."""
    if isinstance(configuration, dict):
        for name, value in configuration.items():
            yield from [(name, value)] if isinstance(value, str) else everything_but_matchers(value)
    elif isinstance(configuration, list):
        for value in configuration:
            yield from everything_but_matchers(value)


def test_no_secret_stands_in_the_file_and_each_file_is_explained() -> None:
    found = list(everything_but_matchers(yaml.safe_load(FILE.read_text())))
    secret = re.compile("password|routing_key|service_key|credentials|token|api_url|webhook_url")
    named = {name: value for name, value in found if secret.search(name)}
    assert set(named) >= {"routing_key_file", "slack_api_url_file", "smtp_auth_password_file", "credentials_file"}
    assert [name for name in named if not name.endswith("_file")] == []
    page = (FILE.parent / "secrets" / "README.md").read_text()
    assert [value for value in named.values() if f"`{Path(value).name}`" not in page] == []
    assert {str(Path(value).parent) for value in named.values()} == {SECRETS}


def teams() -> dict[str, Any]:
    """Return the receiver that the page shows for Alertmanager 0.28 and later."""
    page = (ROOT / "docs" / "alerts.md").read_text()
    (block,) = re.findall(r"^```yaml\n(- name: teams\n.*?)^```", page, re.MULTILINE | re.DOTALL)
    (receiver,) = yaml.safe_load(block)
    assert isinstance(receiver, dict)
    return receiver


def test_the_native_teams_receiver_is_accepted_or_only_too_new(tmp_path: Path) -> None:
    configuration = yaml.safe_load(FILE.read_text())
    receivers = {one["name"]: one for one in configuration["receivers"]}
    configuration["receivers"] = list({**receivers, "teams": teams()}.values())
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(configuration))
    done, told = amtool("check-config", str(file)), amtool("--version").stdout
    version = re.search(r"version (\d+)\.(\d+)", told)
    assert version is not None, told
    if tuple(map(int, version.groups())) >= (0, 28):
        assert done.returncode == 0, done.stdout + done.stderr
    else:
        unknown = re.findall(r"field (\w+) not found in type config\.(?:plain|Receiver)", done.stdout + done.stderr)
        assert unknown == ["msteamsv2_configs"]


@contextmanager
def shipped(folder: Path, door: Door, *, is_night: bool = False) -> Iterator[Alertmanager]:
    """Run an Alertmanager on our configuration, with receivers on this machine and no waiting."""
    configuration = yaml.safe_load(FILE.read_text().replace(SECRETS, str(folder)))
    for name in ("pagerduty_routing_key", "smtp_password", "dead_man_token"):
        (folder / name).write_text(f"the-{name}")
    (folder / "slack_url").write_text(f"{door.url}/slack")
    configuration["global"]["pagerduty_url"] = f"{door.url}/pagerduty"
    configuration["route"] |= {"group_wait": "10ms", "group_interval": "100ms"}
    configuration["receivers"][-1]["webhook_configs"][0]["url"] = f"{door.url}/dead-man"
    always, never = {"times": [{"start_time": "00:00", "end_time": "24:00"}]}, {"years": ["1999"]}
    configuration["time_intervals"][0]["time_intervals"] = [always if is_night else never]
    with running_with(configuration, folder / "alertmanager") as manager:
        yield manager


def told(door: Door, path: str) -> list[Any]:
    return [one.body for one in door.posted if one.path == path]


def alert(name: str, severity: str, duty: Duty) -> Notice:
    whole = episode(name, severity=severity)[0].alert
    return Notice(msgspec.structs.replace(whole, summary=f"{name} is bad."), duty)


def test_receivers_are_told_by_day(tmp_path: Path) -> None:
    with running_door() as door, shipped(tmp_path, door) as manager:

        async def story(notifier: Any) -> None:
            await notifier.send(alert("page", "critical", Duty("any")))
            await notifier.send(alert("chat", "warning", Duty("working")))
            await notifier.beat()

        with_notifier(manager.url, story, keep_s=60)
        for path in ("/pagerduty", "/slack", "/dead-man"):
            wait_until(lambda path=path: bool(told(door, path)), path, within_s=20)  # type: ignore[misc]
    (page,) = told(door, "/pagerduty")
    assert (page["routing_key"], page["event_action"]) == ("the-pagerduty_routing_key", "trigger")
    assert page["payload"]["summary"] == "page is bad."
    assert page["payload"]["severity"] == "critical"
    assert "chat is bad." in told(door, "/slack")[0]["attachments"][0]["text"]
    dead_man = next(one for one in door.posted if one.path == "/dead-man")
    assert dead_man.headers["authorization"] == "Bearer the-dead_man_token"


def test_what_people_answered_calls_nobody_by_night(tmp_path: Path) -> None:
    with running_door() as door, shipped(tmp_path, door, is_night=True) as manager:

        async def story(notifier: Any) -> None:
            await notifier.send(alert("answers", "critical", Duty("working")))
            await notifier.send(alert("machines", "critical", Duty("any")))

        with_notifier(manager.url, story, keep_s=60)
        wait_until(lambda: bool(told(door, "/pagerduty")), "the page", within_s=20)
        wait_until(lambda: len(manager.alerts()) == 2, "both alerts", within_s=20)
    assert [page["payload"]["summary"] for page in told(door, "/pagerduty")] == ["machines is bad."]


def test_missing_data_says_it_all(tmp_path: Path) -> None:
    drift = episode("mail", severity="critical")[0].alert
    absence = msgspec.structs.replace(drift, alert_id="b" * 32, kind="absence", detector="absence", severity="warning")
    with running_door() as door, shipped(tmp_path, door) as manager:

        async def story(notifier: Any) -> None:
            await notifier.send(Notice(absence))
            await notifier.send(Notice(drift))

        with_notifier(manager.url, story, keep_s=60)

        def states() -> dict[str, str]:
            return {one["labels"]["detector"]: one["status"]["state"] for one in manager.alerts()}

        wait_until(lambda: states() == {"absence": "active", "e-detector": "suppressed"}, "the inhibition", within_s=20)
