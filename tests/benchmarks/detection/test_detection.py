"""A tiny run has every field and the order that theory gives; parts that are written in columns equal the real ones."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.detection import nab, peers
from benchmarks.detection.days import Z_ONE_SIDED, alerts, drawn, first_days, rolled, score_below, upper_ends
from benchmarks.detection.setting import OBJECTIVE, Row, Setting
from benchmarks.detection.streams_of_answers import BEST, OURS
from benchmarks.services import BenchmarkError
from streams.judging.burn import Z as BURN_Z
from streams.scores import Counts, happiness, mean_interval, moments_of

ROOT = Path(__file__).resolve().parents[3]
Figures = dict[str, Any]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    out = tmp_path_factory.mktemp("detection") / "figures.json"
    command = [sys.executable, "-m", "benchmarks.detection", "--tiny", "--json", str(out)]
    environment = {name: value for name, value in os.environ.items() if name != nab.VARIABLE}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=110)
    assert ended.returncode == 0, ended.stderr
    assert f"NAB left out: {nab.VARIABLE}" in ended.stdout
    found: Figures = json.loads(out.read_text())
    return found


def rows(tiny: Figures, detector: str, unit: str) -> dict[int, Figures]:
    """Drop -> row."""
    return {row["drop"]: row for row in tiny["rows"] if (row["detector"], row["unit"]) == (detector, unit)}


@pytest.mark.integration
def test_every_row_has_every_field(tiny: Figures) -> None:
    assert tiny["versions"]["river"] == "left out"
    assert tiny.keys() >= {"rows", "ratios", "nab", "machine", "date"}
    assert all(row.keys() == Row.__dataclass_fields__.keys() for row in tiny["rows"])
    assert {row["drop"] for row in tiny["rows"]} == {10, 40}
    assert len({(row["detector"], row["unit"]) for row in tiny["rows"]}) == 8


@pytest.mark.integration
@pytest.mark.parametrize("unit", ["answers", "blocks"])
def test_the_tuned_sum_is_sooner_at_the_same_run_length_and_ours_keeps_what_was_asked(tiny: Figures, unit: str) -> None:
    ours, best = rows(tiny, OURS, unit), rows(tiny, BEST, unit)
    for drop in (10, 40):
        assert ours[drop]["realised_run_length"] >= ours[drop]["configured_run_length"] == 365 * 30
        assert best[drop]["realised_run_length"] == pytest.approx(ours[drop]["realised_run_length"], rel=0.08)
        ratio = tiny["ratios"][f"{unit}/30/{drop}"]
        assert ratio["is"] == pytest.approx(ours[drop]["delay_answers"] / best[drop]["delay_answers"], abs=1e-3)
        assert 0.8 < ratio["is"] < 1.8
    assert ours[40]["delay_answers"] < ours[10]["delay_answers"]
    assert ours[40]["delay_days"] == pytest.approx(ours[40]["delay_answers"] / 30)


@pytest.mark.integration
def test_rules_that_look_quick_cry_wolf(tiny: Figures) -> None:
    week = rows(tiny, "7-day score below target", "days")[10]
    wald = rows(tiny, "adjusted Wald, 7 days, 95 %", "days")[10]
    ours = rows(tiny, OURS, "blocks")[10]
    assert week["delay_days"] < ours["delay_days"]
    assert week["false_alerts_a_year"] > wald["false_alerts_a_year"] > 5
    assert ours["false_alerts_a_year"] <= 1


def test_days_add_up_to_weeks_and_ends_are_those_of_the_real_interval() -> None:
    days = drawn(10, 5, runs=3, days=20, seed=4)
    weeks = rolled(days, 7)
    assert weeks.shape == (3, 14, 3)
    for z in (Z_ONE_SIDED, BURN_Z):
        for counts, end in zip(weeks.reshape(-1, 3), upper_ends(weeks, z).ravel(), strict=True):
            real = mean_interval(moments_of(counts_of(counts)), z=z)
            assert real is not None
            assert end == real.upper
    below = [(happiness(counts_of(counts)) or 0.0) < 60 for counts in weeks.reshape(-1, 3)]
    assert score_below(days).ravel().tolist() == below
    assert pytest.approx(0.8) == OBJECTIVE


def counts_of(counts: Any) -> Counts:
    detractors, neutrals, promoters = map(int, counts)
    return Counts(detractors=detractors, neutrals=neutrals, promoters=promoters)


def test_an_alert_is_a_day_on_which_a_rule_becomes_true() -> None:
    said = np.array([[True, True, False, True], [False, False, False, False]])
    assert alerts(said) == 1.0
    assert first_days(said).tolist() == [1.0, np.inf]


def test_held_alarms_are_a_day_apart() -> None:
    hour = nab.DAY_MS // 24
    assert nab.held([0, 1, 25, 30, 49], [hour * row for row in range(60)]) == [0, 25, 49]


def test_scales_are_learnt_from_the_first_part_only() -> None:
    series = np.concatenate([np.linspace(0.0, 10.0, 15), np.full(85, 1_000.0)])
    assert nab.by_range(series).max() == 1.0
    assert nab.by_range(series)[7] == pytest.approx(0.5)
    assert np.median(nab.by_spread(series)[:15]) == 0.0


@pytest.fixture
def folder() -> Path:
    place = os.environ.get(nab.VARIABLE)
    if not place or not (Path(place) / "nab").is_dir():
        pytest.skip(f"{nab.VARIABLE} does not name a folder that holds nab/")
    return Path(place) / "nab"


def test_on_the_labelled_series_ours_is_worth_more_than_saying_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    series = list(nab.read(folder))
    assert (len(series), sum(len(one.windows) for one in series)) == (8, 16)
    found = nab.figures(with_peers=False)["detectors"]
    assert found[nab.NULL] == {"score": 0.0, "found": 0, "windows": 16, "false": 0, "series": 8}
    for name in nab.OURS:
        assert found[name]["score"] > 40


def test_without_river_the_rest_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent() -> str:
        raise BenchmarkError("river cannot be installed: no network")

    monkeypatch.setattr(peers, "version", absent)
    assert not peers.possible(Setting()).with_peers
    assert "river is left out: river cannot be installed: no network" in capsys.readouterr().err
