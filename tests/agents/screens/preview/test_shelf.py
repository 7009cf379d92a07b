"""Dashboards as files."""

import json
from pathlib import Path

import pytest

from agents.screens.preview.shelf import FOLDER, WALL, Query, read_shelf
from agents.screens.registry import FOLDER as WRITTEN
from streams.errors import ConfigError


def test_every_generated_dashboard_is_on_the_shelf_the_wall_first() -> None:
    shelf = read_shelf(FOLDER)
    assert FOLDER == WRITTEN
    assert len(shelf) == len(list(FOLDER.glob("*.json")))
    is_wall = [WALL in screen.tags for screen in shelf.values()]
    assert is_wall == sorted(is_wall, reverse=True)


def test_queries_of_panels_and_annotations_are_found(tmp_path: Path) -> None:
    ours, other = {"rawSql": "SELECT 1"}, {"refId": "B", "datasource": {"type": "prometheus"}, "expr": "up"}
    notes = [{"name": "Changes", "target": {"rawSql": "SELECT 2"}}, {"name": "off", "enable": False, "target": ours}]
    panels = [{"id": 7, "targets": [ours, other]}, {"id": 8}]
    model = {"uid": "u", "title": "T", "panels": panels, "annotations": {"list": notes}}
    (tmp_path / "one.json").write_text(json.dumps(model))
    assert list(read_shelf(tmp_path)["u"].queries()) == [
        Query(key="panel/7/A", sql="SELECT 1"),
        Query(key="panel/7/B", sql=""),
        Query(key="annotation/Changes", sql="SELECT 2"),
    ]


def test_an_empty_folder_and_a_foreign_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no dashboard"):
        read_shelf(tmp_path)
    (tmp_path / "x.json").write_text('{"title": "T"}')
    with pytest.raises(ConfigError, match=r"x\.json: not a dashboard of Grafana \(KeyError: 'uid'\)"):
        read_shelf(tmp_path)
