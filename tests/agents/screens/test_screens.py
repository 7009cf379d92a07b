"""All dashboards: generated files are fresh, and every panel is complete."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from agents.screens import palette, targets
from agents.screens.dashboard import Dashboard, Row
from agents.screens.panels import Stat
from agents.screens.registry import FOLDER, SCREENS, files
from streams.events.judging import Severity, Trend, VerdictKind

COLOURS = {palette.GOOD, palette.WATCH, palette.BAD, palette.QUIET}
PUBLISHED = {"xpulse_pub.target_status", "xpulse_pub.alerts", "xpulse_pub.data_quality", "xpulse_pub.verdicts"}


@pytest.fixture(params=sorted(SCREENS))
def dashboard(request: pytest.FixtureRequest) -> Dashboard:
    return SCREENS[str(request.param)]()


def test_the_generated_files_are_fresh() -> None:
    stale = [path.name for path, text in files().items() if not path.exists() or path.read_text() != text]
    assert stale == [], "run `make screens` and commit the result"


def test_no_file_lies_there_that_nothing_generates() -> None:
    assert set(FOLDER.glob("*.json")) == set(files())


def test_every_dashboard_module_is_registered() -> None:
    folder = Path(palette.__file__).parent
    builders = {
        path.stem for path in folder.glob("*.py") if re.search(r"^def build\(\)", path.read_text(), re.MULTILINE)
    }
    assert builders == set(SCREENS)


def everything(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from everything(child)


def test_panels_have_titles_descriptions_and_ids_of_their_own(dashboard: Dashboard) -> None:
    panels = dashboard.to_json()["panels"]
    assert [panel["title"] for panel in panels if not panel["title"] or len(panel["description"]) < 20] == []
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)


def test_panels_fill_the_grid_without_overlap(dashboard: Dashboard) -> None:
    places = [panel["gridPos"] for panel in dashboard.to_json()["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(set(cells)) == len(cells)
    assert {x for x, _ in cells} == set(range(24))


def test_a_row_that_is_too_wide_is_refused() -> None:
    stat = Stat(title="t", description="d", sql="SELECT 1")
    with pytest.raises(ValueError, match="wider than 24"):
        Row(height=4, panels=((stat, 13), (stat, 12)))


def test_only_published_views_are_read(dashboard: Dashboard) -> None:
    queries = [panel.sql for panel in dashboard.panels()] + [variable.sql for variable in dashboard.variables]
    read = {name for sql in queries for name in re.findall(r"(?:FROM|JOIN)\s+([\w.]+)", sql)}
    assert read
    assert read <= PUBLISHED


def test_colours_come_from_the_palette_and_never_stand_alone(dashboard: Dashboard) -> None:
    text = json.dumps(dashboard.to_json())
    assert set(re.findall(r"#[0-9A-Fa-f]{6}", text)) <= COLOURS
    for part in everything(dashboard.to_json()):
        if part.get("id") == "mappings":
            words = [word["text"] for word in part["value"][0]["options"].values()]
            assert len(set(words)) == len(words)
            assert len({word[0] for word in words}) > 1, "states must differ by shape as well"


def test_every_query_has_the_shape_that_the_plugin_reads(dashboard: Dashboard) -> None:
    queries = [part for part in everything(dashboard.to_json()) if "rawSql" in part]
    assert len(queries) == len(list(dashboard.panels())) + len(dashboard.variables)
    for query in queries:
        assert query["datasource"] == {"type": "grafana-clickhouse-datasource", "uid": "xpulse-clickhouse"}
        assert (query["queryType"], query["format"]) in {("table", 1), ("timeseries", 0)}
        assert query["editorType"] == "sql"


def test_time_series_are_ordered_by_time(dashboard: Dashboard) -> None:
    for panel in dashboard.to_json()["panels"]:
        if panel["type"] == "timeseries":
            assert panel["targets"][0]["rawSql"].endswith("ORDER BY time")


def test_the_data_source_is_the_provisioned_one(dashboard: Dashboard) -> None:
    provisioned = (FOLDER.parent / "provisioning" / "datasources" / "xpulse.yml").read_text()
    uids = {part["datasource"]["uid"] for part in everything(dashboard.to_json()) if "datasource" in part}
    assert [uid for uid in uids if f"uid: {uid}" not in provisioned] == []


def test_words_stand_for_every_value_that_the_judge_may_say() -> None:
    assert set(targets.VERDICTS) == set(get_args(VerdictKind))
    assert set(targets.TRENDS) == set(get_args(Trend))
    assert set(targets.SEVERITIES) == set(get_args(Severity))
