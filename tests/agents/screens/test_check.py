"""The check of the screens: our dashboards pass, and each kind of mistake is found."""

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from typer.testing import CliRunner

from agents.cli.screens import checking, screens
from agents.cli.screens.checking import known_of
from agents.screens.check import Answer, Ask, run_queries, shape_faults
from agents.screens.check.schema import allowed, unlike
from agents.screens.palette import GOOD
from agents.screens.registry import FOLDER, SCREENS
from agents.warehouse.client import WarehouseError
from streams.errors import ConfigError

Json = dict[str, Any]

MODELS = {name: build().to_json() for name, build in SCREENS.items()}
KNOWN = known_of(list(MODELS.values()))


@pytest.mark.parametrize("name", MODELS)
def test_every_dashboard_has_the_shape_that_grafana_takes(name: str) -> None:
    assert list(shape_faults(MODELS[name], KNOWN)) == []


@pytest.mark.integration
@pytest.mark.parametrize("name", MODELS)
def test_every_query_answers_with_every_selection(ask: Ask, now_s: int, name: str) -> None:
    report = run_queries(MODELS[name], ask, now_s=now_s)
    assert report.faults == []
    assert report.empty == []
    assert report.seconds


def panel(model: Json, title: str) -> Json:
    found: Json = next(panel for panel in model["panels"] if panel["title"] == title)
    return found


def asks(title: str, old: str, new: str) -> Callable[[Json], None]:
    """Return what changes a panel's query."""

    def mutate(model: Json) -> None:
        target = panel(model, title)["targets"][0]
        assert old in target["rawSql"]
        target["rawSql"] = target["rawSql"].replace(old, new)

    return mutate


def has(title: str, *path: str, value: object) -> Callable[[Json], None]:
    """Return what changes one value of a panel; None takes it away."""

    def mutate(model: Json) -> None:
        part = panel(model, title)
        for name in path[:-1]:
            part = part[name]
        part[path[-1]] = value
        if value is None:
            del part[path[-1]]

    return mutate


def first_override(model: Json) -> None:
    panel(model, "What came in")["fieldConfig"]["overrides"][0]["properties"][0]["id"] = "custom.witdh"


MUTANTS: dict[str, tuple[Callable[[Json], None], str]] = {
    "wrong column": (asks("What came in", "measure AS", "mesure AS"), "mesure"),
    "renamed column": (asks("What came in", '"Records"', '"Rekords"'), "column Records is described"),
    "unquoted variable": (asks("Age of the feedback", "${tenant:singlequote}", "'${tenant}'"), "must be written"),
    "unknown variable": (asks("Age of the feedback", "${tenant:", "${tennant:"), "tennant is not declared"),
    "unknown macro": (asks("Answers in 24 hours", "$__toTime", "$__now"), "macro $__now is unknown"),
    "missing unit": (has("Quarantined", "fieldConfig", "defaults", "unit", value=None), "unit is missing"),
    "unknown unit": (has("Quarantined", "fieldConfig", "defaults", "unit", value="locals"), "unit 'locals' is unknown"),
    "misspelt option": (has("Quarantined", "options", "colourMode", value="value"), "colourMode is unknown"),
    "misspelt value": (has("Quarantined", "options", "textMode", value="valeu"), "textMode is 'valeu'; allowed"),
    "misspelt override": (first_override, "custom.witdh is unknown"),
    "unpublished table": (
        asks("Answers in 24 hours", "xpulse_pub.feedback_released", "xpulse.release_blocks"),
        "xpulse.release_blocks is not published",
    ),
    "headline of a partial bucket": (
        asks("Answers in 24 hours", "epoch > $__toTime - toIntervalHour(24)", "epoch >= toStartOfDay($__toTime)"),
        "a bucket that is still filling (toStartOfDay)",
    ),
    "empty panel": (asks("Quarantine", "'quarantined'", "'quarantine'"), "Quarantine (default)"),
    "words in a headline of numbers": (asks("Quarantined", "sum(value)", "toString(sum(value))"), "needs a number"),
    "missing description": (has("Quarantined", "description", value=None), "description is missing"),
    "missing title": (has("Quarantined", "title", value=""), "title is missing"),
    "colour outside the palette": (
        has("Quarantined", "fieldConfig", "defaults", "thresholds", "steps", value=[{"value": None, "color": "green"}]),
        "colour green is not of the palette",
    ),
    "unknown reducer": (
        has("Quarantined", "options", "reduceOptions", "calcs", value=["newest"]), "reducer 'newest' is unknown"
    ),
    "unknown transformation": (
        has("What came in", "transformations", value=[{"id": "organise", "options": {}}]),
        "transformation 'organise' is unknown",
    ),
    "unordered time series": (asks("Answers over time", "ORDER BY time", "ORDER BY 1"), "ordered by time"),
    "foreign data source": (
        has("Quarantined", "targets", value=[{"refId": "A", "datasource": {"type": "mysql", "uid": "m"}}]),
        "is not provisioned",
    ),
}  # fmt: skip


@pytest.mark.integration
@pytest.mark.parametrize("mistake", MUTANTS)
def test_each_mistake_is_found(ask: Ask, now_s: int, mistake: str) -> None:
    mutate, reason = MUTANTS[mistake]
    model = copy.deepcopy(MODELS["quality"])
    mutate(model)
    report = run_queries(model, ask, now_s=now_s)
    assert reason in "\n".join([*shape_faults(model, KNOWN), *report.faults, *report.empty])


def changed(name: str, **parts: object) -> Json:
    return {**copy.deepcopy(MODELS[name]), **parts}


def without_stale(model: Json) -> Json:
    for one in model["panels"]:
        one["targets"][0]["rawSql"] = one["targets"][0]["rawSql"].replace("STALE", "old")
        one["description"] = "x" * 30
        one["fieldConfig"]["defaults"]["mappings"] = []
    return model


def small(model: Json) -> Json:
    model["panels"][0]["options"]["text"]["titleSize"] = 40
    return model


def renamed(model: Json) -> Json:
    target = model["panels"][2]["targets"][0]
    target["expr"] = target["expr"].replace("xpulse_events_in_total", "xpulse_events_total")
    return model


def same_sign(model: Json) -> Json:
    for column in panel(model, "Targets now")["fieldConfig"]["overrides"]:
        for wanted in column["properties"]:
            if wanted["id"] == "mappings" and "met" in wanted["value"][0]["options"]:
                wanted["value"][0]["options"]["missed"]["text"] = "✔ missed"
                wanted["value"][0]["options"]["too_few"]["color"] = GOOD
    return model


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (changed("quality", links=[]), "leads nowhere"),
        (changed("quality", panels=MODELS["quality"]["panels"][3:5]), "says nowhere how old"),
        (changed("wall-1-now", refresh="1m"), "asks again every 5 to 10 seconds"),
        (changed("quality", refresh=10), "refresh is 10; allowed: string"),
        (without_stale(changed("wall-1-now")), "does not turn to STALE"),
        (small(changed("wall-1-now")), "text under 48 px"),
        (renamed(changed("pipeline")), "metric xpulse_events_total does not exist"),
        (same_sign(changed("targets")), "do not differ by word and by sign"),
        (same_sign(changed("targets")), "too_few is not grey"),
        (changed("quality", links=[{**MODELS["quality"]["links"][0], "url": "/d/xpulse-nowhere"}]), "is no dashboard"),
    ],
)
def test_each_fault_of_shape_is_named(model: Json, reason: str) -> None:
    assert reason in "\n".join(shape_faults(model, KNOWN))


def test_a_wall_with_too_many_numbers_is_found() -> None:
    def ask(sql: str) -> Answer:
        return Answer([("Name", "String"), ("Says", "String")], [["a 1", "2, 3.5 and 4"]] * 2)

    report = run_queries(MODELS["wall-1-now"], ask, now_s=1_000_000)
    assert "24 numbers, at most 12 on a wall" in "\n".join(report.faults)


def test_a_refused_query_is_a_fault_and_not_the_end() -> None:
    def ask(sql: str) -> Answer:
        raise WarehouseError("no such column", is_retryable=False)

    report = run_queries(MODELS["quality"], ask, now_s=1_000_000)
    assert report.faults == ["xpulse-quality: no such column"]


def test_what_grafana_allows_says_where_it_is_from() -> None:
    assert set(allowed()["source"]) == {"@grafana/schema", "@grafana/data"}
    assert {"s", "percentunit", "dateTimeFromNow"} <= set(allowed()["units"])
    assert "percent_unit" not in allowed()["units"]


@pytest.mark.parametrize(
    ("value", "schema", "told"),
    [
        (True, {"type": "number"}, "x is True; allowed: number"),
        ([1, "a"], {"type": "array", "items": {"type": "number"}}, "x[1] is 'a'; allowed: number"),
        ({}, {"type": "object", "required": ["a"]}, "x.a is missing"),
        ({"a": 1}, {"type": "object", "additional": {"type": "string"}}, "x.a is 1; allowed: string"),
        (3, {"anyOf": [{"type": "string"}, {"enum": [1, 2]}]}, "x is 3; allowed: string"),
    ],
)
def test_values_are_held_to_a_schema(value: object, schema: Json, told: str) -> None:
    assert list(unlike(value, schema, "x")) == [told]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, ask: Ask, now_s: int) -> CliRunner:
    """Runs the command on the sample that the other tests share: it is the same, and there already."""

    @contextmanager
    def sampled(now_ms: int) -> Iterator[None]:
        yield

    monkeypatch.setattr(checking, "sampled", sampled)
    monkeypatch.setattr(checking, "asking", lambda client, public: ask)
    monkeypatch.setattr(checking, "time", Mock(time=lambda: now_s))
    return CliRunner()


@pytest.mark.integration
def test_our_dashboards_pass_and_the_figures_are_printed(run: CliRunner) -> None:
    found = run.invoke(screens, ["check"])
    assert found.exit_code == 0, found.output
    assert "WRONG" not in found.output
    assert "difference of watch and bad, colour blindness: deuteranopia" in found.output
    assert "0 faults" in found.output.splitlines()[-1]


@pytest.mark.integration
def test_a_mistake_is_named_and_ends_with_one(run: CliRunner, tmp_path: Path) -> None:
    folder = tmp_path / "dashboards"
    shutil.copytree(FOLDER, folder)
    model = json.loads((folder / "quality.json").read_text())
    model["panels"][3]["targets"][0]["rawSql"] = "SELECT sum(valeu) FROM xpulse_pub.data_quality"
    (folder / "quality.json").write_text(json.dumps(model))
    found = run.invoke(screens, ["check", "--dashboards", str(folder)])
    assert found.exit_code == 1
    assert any(line.startswith("WRONG  xpulse-quality: Quarantined (default)") for line in found.output.splitlines())


@pytest.mark.integration
def test_a_folder_without_dashboards_is_refused(run: CliRunner, tmp_path: Path) -> None:
    found = run.invoke(screens, ["check", "--dashboards", str(tmp_path)])
    assert isinstance(found.exception, ConfigError)
    (tmp_path / "broken.json").write_text("{")
    assert isinstance(run.invoke(screens, ["check", "--dashboards", str(tmp_path)]).exception, ConfigError)
