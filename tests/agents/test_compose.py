"""The compose file and what it mounts: valid by schema, closed to the outside, consistent with the code."""

import dataclasses
import importlib.resources
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from agents.gateway.identity import read_key
from agents.settings import Settings, read_settings
from agents.topics import LOCAL_PARTITIONS, partition_count
from agents.warehouse.client import ask, connect
from tests.agents.local.services import ClickHouse
from tests.needs import program

ROOT = Path(__file__).resolve().parents[2]
APPLICATION = ("migrate", "topics", "key", "gateway", "telemetry", "control")
ONCE = {"migrate", "topics", "key"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


def validate(file: dict[str, Any]) -> None:
    """Hold a file against the Compose Specification's own schema, as check-jsonschema ships it."""
    folder = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    jsonschema.Draft7Validator(json.loads((folder / "compose-spec.json").read_text())).validate(file)


def test_the_file_follows_the_compose_schema(compose: dict[str, Any]) -> None:
    validate(compose)


def test_the_schema_would_refuse_a_misspelt_key(compose: dict[str, Any]) -> None:
    kafka = {**compose["services"]["kafka"], "port": ["9092"]}
    with pytest.raises(jsonschema.ValidationError, match="port"):
        validate({**compose, "services": {**compose["services"], "kafka": kafka}})


@pytest.mark.integration
def test_docker_compose_accepts_the_file() -> None:
    command = [program("docker-compose"), "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr


def test_every_port_is_published_on_loopback_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not str(port).startswith("127.0.0.1:")] == []


def test_every_image_names_an_exact_version(compose: dict[str, Any]) -> None:
    images = [service["image"] for service in compose["services"].values()]
    assert [image for image in images if not re.search(r":v?\d+\.\d+\.\d+", image)] == []


def test_every_long_running_service_is_checked_and_keeps_its_data(compose: dict[str, Any]) -> None:
    services = {name: one for name, one in compose["services"].items() if name not in ONCE}
    assert [name for name, service in services.items() if "test" not in service.get("healthcheck", {})] == []
    assert [name for name, service in services.items() if not named_volumes(service)] == []
    used = {volume for service in services.values() for volume in named_volumes(service)}
    assert used == set(compose["volumes"])


def named_volumes(service: dict[str, Any]) -> set[str]:
    return {str(volume).split(":")[0] for volume in service.get("volumes", []) if not str(volume).startswith(".")}


def test_every_mounted_file_exists(compose: dict[str, Any]) -> None:
    mounts = [str(one) for service in compose["services"].values() for one in service.get("volumes", [])]
    sources = [mount.split(":")[0] for mount in mounts if mount.startswith(".")]
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_no_password_stands_in_the_file(compose: dict[str, Any]) -> None:
    given = [pair for service in compose["services"].values() for pair in service.get("environment", {}).items()]
    secret = {name: str(value) for name, value in given if re.search("PASSWORD|SECRET|KEY", name)}
    assert secret
    assert [name for name, value in secret.items() if not value.startswith("/")] == []
    assert all(secret["file"].startswith("./secrets/") for secret in compose["secrets"].values())
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize("name", APPLICATION)
def test_the_application_knows_every_setting_it_is_given(name: str, compose: dict[str, Any]) -> None:
    environment = {key: value for key, value in compose["services"][name]["environment"].items() if "${" not in value}
    settings = read_settings(environment)
    assert settings.brokers == "kafka:9092"
    assert settings.clickhouse_host == "clickhouse"
    assert settings.time_profile().name == "standard"


def test_secrets_reach_the_services_that_read_them(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        read = set(re.findall(r"/run/secrets/(\w+)", json.dumps(service)))
        assert read <= set(service.get("secrets", [])), name


def test_the_image_is_of_this_version(compose: dict[str, Any]) -> None:
    project = (ROOT / "pyproject.toml").read_text()
    version = re.search(r'^version = "(.+)"$', project, re.MULTILINE)
    assert version is not None
    assert {compose["services"][name]["image"] for name in APPLICATION} == {f"xpulse:{version.group(1)}"}


def test_the_image_holds_every_file_that_a_setting_points_to() -> None:
    copied = set(re.findall(r"^COPY (?:--\S+ )?(infra\S+|schemas)", dockerfile(), re.MULTILINE))
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied <= allowed
    defaults = [str(one.default) for one in dataclasses.fields(Settings)]
    inside = {Path(path).relative_to(ROOT).as_posix() for path in defaults if path.startswith(str(ROOT))}
    assert inside
    assert inside <= copied


def dockerfile() -> str:
    return (ROOT / "infra" / "docker" / "Dockerfile").read_text()


def test_the_image_runs_as_nobody_special() -> None:
    users = re.findall(r"^USER (\S+)$", dockerfile(), re.MULTILINE)
    assert users[-1:] == ["xpulse"]


def test_the_entry_point_hands_the_passwords_on(compose: dict[str, Any], tmp_path: Path) -> None:
    shell, flag, script = compose["services"]["clickhouse"]["entrypoint"]
    for name in ("clickhouse_password", "reader_password"):
        (tmp_path / name).write_text(f"word-{name}\n")
    image = tmp_path / "entrypoint.sh"
    image.write_text('#!/bin/bash\necho "$XPULSE_CLICKHOUSE_PASSWORD $XPULSE_READER_PASSWORD"\n')
    image.chmod(0o755)
    here = script.replace("$$", "$").replace("/run/secrets", str(tmp_path)).replace("/entrypoint.sh", str(image))
    done = subprocess.run([program("bash"), flag, here], capture_output=True, text=True, check=True)
    assert shell == "/bin/bash"
    assert done.stdout == "word-clickhouse_password word-reader_password\n"


def test_the_key_is_made_once_and_accepted(compose: dict[str, Any], tmp_path: Path) -> None:
    shell, flag, script = compose["services"]["key"]["entrypoint"]
    where = compose["services"]["gateway"]["environment"]["XPULSE_KEY_FILE"]
    file = tmp_path / Path(where).name
    environment = {"XPULSE_KEY_FILE": str(file), "PATH": os.environ["PATH"]}
    here = [shell, flag, script.replace("$$", "$").replace("python -c", f"{sys.executable} -c")]
    subprocess.run(here, env=environment, check=True)
    first = read_key(file)
    subprocess.run(here, env=environment, check=True)
    assert read_key(file) == first
    assert f"xpulse-state:{Path(where).parent}" in compose["services"]["gateway"]["volumes"]


@pytest.mark.integration
def test_the_topics_are_made_by_the_command_that_is_written_there(compose: dict[str, Any], broker: str) -> None:
    _, flag, script = compose["services"]["topics"]["entrypoint"]
    environment = {**os.environ, "XPULSE_BROKERS": broker}
    for _ in range(2):
        subprocess.run([sys.executable, flag, script], env=environment, check=True, cwd=ROOT)
    assert {name: partition_count(broker, name) for name in LOCAL_PARTITIONS} == LOCAL_PARTITIONS


@pytest.mark.integration
def test_prometheus_accepts_its_configuration() -> None:
    command = [program("promtool"), "check", "config", str(ROOT / "infra" / "prometheus" / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_scrapes_every_process(compose: dict[str, Any]) -> None:
    config = yaml.safe_load((ROOT / "infra" / "prometheus" / "prometheus.yml").read_text())
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    scraped = {target for block in jobs["xpulse"]["static_configs"] for target in block["targets"]}
    given = {name: compose["services"][name]["environment"] for name in APPLICATION if name not in ONCE}
    ports = {name: one.get("XPULSE_GATEWAY_PORT", one["XPULSE_METRICS_PORT"]) for name, one in given.items()}
    assert scraped == {f"{name}:{port}" for name, port in ports.items()}


def users() -> ET.Element:
    return ET.parse(ROOT / "infra" / "clickhouse" / "users.d" / "xpulse.xml").getroot()


def test_the_reader_of_the_screens_sees_published_views_only() -> None:
    grants = [query.text for query in users().findall("users/xpulse_reader/grants/query")]
    assert grants == ["GRANT SELECT ON xpulse_pub.*"]
    assert users().findtext("profiles/xpulse_reader/readonly") == "1"
    assert users().findtext("users/xpulse_reader/profile") == "xpulse_reader"


def test_every_user_has_a_password_from_the_servers_environment(compose: dict[str, Any]) -> None:
    script = compose["services"]["clickhouse"]["entrypoint"][-1]
    for user in users().findall("users/*"):
        password = user.find("password")
        assert password is not None
        assert not password.text
        assert f"{password.get('from_env')}=" in script


def test_grafana_reads_as_that_user() -> None:
    text = (ROOT / "grafana" / "provisioning" / "datasources" / "xpulse.yml").read_text()
    source = yaml.safe_load(text)["datasources"][0]
    assert source["jsonData"]["username"] == "xpulse_reader"
    assert source["secureJsonData"]["password"] == "$__file{/run/secrets/reader_password}"


@pytest.mark.integration
def test_clickhouse_knows_every_setting_and_grant_of_its_users(clickhouse: ClickHouse) -> None:
    client = connect(clickhouse.host, clickhouse.port, clickhouse.user, clickhouse.password, "xpulse")
    settings = {one.tag for profile in users().findall("profiles/*") for one in profile if one.tag != "constraints"}
    known = {name for (name,) in ask(client, "SELECT name FROM system.settings")}
    assert settings
    assert settings - known == set()
    for grant in users().iterfind("users/*/grants/query"):
        statement = f"{grant.text} TO somebody"
        assert ask(client, "SELECT formatQuery({q:String})", {"q": statement}) == [(statement,)]
    client.close()
