"""The files from which a Grafana sets itself up agree with one another and with what xpulse publishes."""

from typing import Any

import yaml

from agents.screens.palette import BACKGROUNDS
from agents.screens.panels import METRICS, SOURCE
from agents.screens.publish import FOLDER_UID
from agents.screens.registry import FOLDER

PROVISIONING = FOLDER.parent / "provisioning"


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PROVISIONING / name).read_text())
    return found


def test_every_file_is_of_a_version_that_grafana_reads() -> None:
    files = sorted(PROVISIONING.rglob("*.yml"))
    assert {path.parent.name for path in files} == {"alerting", "dashboards", "datasources"}
    assert [path.name for path in files if yaml.safe_load(path.read_text()).get("apiVersion") != 1] == []


def test_the_data_sources_are_those_that_the_screens_ask() -> None:
    sources = {one["uid"]: one["type"] for one in read("datasources/xpulse.yml")["datasources"]}
    assert sources == {one["uid"]: one["type"] for one in (SOURCE, METRICS)}


def test_files_and_publishing_fill_the_same_folder() -> None:
    (provider,) = read("dashboards/xpulse.yml")["providers"]
    assert provider["folderUid"] == FOLDER_UID
    assert provider["allowUiUpdates"] is False


def test_rules_are_told_to_a_contact_point_that_exists() -> None:
    points = {point["name"] for point in read("alerting/contact-points.yml")["contactPoints"]}
    for group in read("alerting/rules.yml")["groups"]:
        for rule in group["rules"]:
            assert rule["notification_settings"]["receiver"] in points
            assert rule["condition"] in {query["refId"] for query in rule["data"]}


def test_no_secret_lies_in_a_file() -> None:
    for path in PROVISIONING.rglob("*.yml"):
        for line in path.read_text().splitlines():
            if "password:" in line or "token:" in line:
                assert "$__file{" in line, path.name


def test_the_colours_are_for_the_theme_that_grafana_has_by_default() -> None:
    compose = yaml.safe_load((FOLDER.parents[1] / "docker-compose.yml").read_text())
    environment = compose["services"]["grafana"]["environment"]
    assert environment.get("GF_USERS_DEFAULT_THEME", "dark") == "dark"
    assert set(BACKGROUNDS) == {"panel", "page"}
