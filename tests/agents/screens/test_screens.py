"""All dashboards: generated files are fresh, and they say what they must."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from agents.screens import palette, wall, words
from agents.screens.dashboard import Row
from agents.screens.registry import FOLDER, SCREENS, files
from agents.screens.stats import Stat
from streams.events.judging import AlertCalls, Severity, Trend, VerdictKind

WALLS = [name for name in SCREENS if name.startswith("wall")]


@pytest.fixture(params=sorted(SCREENS))
def model(request: pytest.FixtureRequest) -> dict[str, Any]:
    return SCREENS[str(request.param)]().to_json()


def test_the_generated_files_are_fresh() -> None:
    stale = [path.name for path, text in files().items() if not path.exists() or path.read_text() != text]
    assert stale == [], "run `make screens` and commit the result"


def test_no_file_lies_there_that_nothing_generates() -> None:
    assert set(FOLDER.glob("*.json")) == set(files())


def test_every_dashboard_module_is_registered() -> None:
    folder = Path(palette.__file__).parent
    modules = {
        path.stem
        for path in folder.glob("*.py")
        if re.search(r"^def \w+\(\) -> Dashboard:", path.read_text(), re.MULTILINE)
    }
    assert modules == {build.__module__.rpartition(".")[2] for build in SCREENS.values()}


def test_uids_and_titles_are_unique() -> None:
    models = [build().to_json() for build in SCREENS.values()]
    assert len({model["uid"] for model in models}) == len({model["title"] for model in models}) == len(models)


def test_panels_fill_the_grid_without_overlap(model: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in model["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(set(cells)) == len(cells)
    assert {x for x, _ in cells} == set(range(24))
    assert len({panel["id"] for panel in model["panels"]}) == len(places)


def test_a_row_that_is_too_wide_is_refused() -> None:
    stat = Stat(title="t", description="d", sql="SELECT 1")
    with pytest.raises(ValueError, match="wider than 24"):
        Row(height=4, panels=((stat, 13), (stat, 12)))


def test_happiness_is_never_a_percentage(model: dict[str, Any]) -> None:
    for panel in model["panels"]:
        for override in panel["fieldConfig"]["overrides"]:
            for wanted in override["properties"]:
                if wanted["id"] == "unit" and "percent" in str(wanted["value"]):
                    assert not re.search("happi|score", override["matcher"]["options"], re.IGNORECASE)
        if re.search("happi|score", panel["title"], re.IGNORECASE):
            assert "percent" not in str(panel["fieldConfig"]["defaults"].get("unit"))


def test_selections_are_passed_on_to_other_screens(model: dict[str, Any]) -> None:
    urls = [link["url"] for link in model["links"]]
    assert [url for url in urls if "pipeline" not in url and "${tenant:queryparam}" not in url] == []


def test_the_presets_of_the_slice_split_it_for_five_kinds_of_readers() -> None:
    links = SCREENS["slice"]().to_json()["links"]
    split = [re.search(r"var-by=(\w+)", link["url"]) for link in links if link["title"].startswith("For ")]
    assert [found and found.group(1) for found in split] == [
        "service", "country", "assignment_group", "business_unit", "tenant"
    ]  # fmt: skip


def test_the_wall_has_four_screens_in_order() -> None:
    models = [SCREENS[name]().to_json() for name in sorted(WALLS)]
    assert [model["uid"] for model in models] == [f"xpulse-wall-{name}" for name in ("now", "why", "where", "changed")]
    assert all(wall.WALL in model["tags"] for model in models)


def test_words_stand_for_every_value_that_the_judge_may_say() -> None:
    assert set(words.VERDICTS) == set(get_args(VerdictKind))
    assert set(words.TRENDS) == set(get_args(Trend))
    assert set(words.SEVERITIES) == set(get_args(Severity))
    assert set(words.CALLS) == set(get_args(AlertCalls))


def test_the_data_sources_are_provisioned(model: dict[str, Any]) -> None:
    provisioned = (FOLDER.parent / "provisioning" / "datasources" / "xpulse.yml").read_text()
    assert [p["title"] for p in model["panels"] if f"uid: {p['datasource']['uid']}" not in provisioned] == []
