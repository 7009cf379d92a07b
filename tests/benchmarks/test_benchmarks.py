"""A tiny run: processes start, totals are checked, figures come out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.contest import check, run
from benchmarks.events import NARROW, Shape, Source, Truth
from benchmarks.job import MAX_KEYS
from benchmarks.roster import ENTRIES
from benchmarks.services import BenchmarkError
from benchmarks.topic import filled_topic

ROOT = Path(__file__).resolve().parents[2]
NAMES = {"discard", "confluent_loop", "xpulse_fold"}


@pytest.mark.integration
def test_a_tiny_run_checks_totals_and_writes_figures(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "--only",
        ",".join(sorted(NAMES)),
        "--events",
        "20000",
        "--rounds",
        "1",
    ]
    ended = subprocess.run(
        [*command, "--json", str(out)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=110
    )
    assert ended.returncode == 0, ended.stderr
    figures = json.loads(out.read_text())
    for kind in ("cpu_s_per_million", "events_per_s"):
        assert figures[kind].keys() == NAMES
        assert all(value > 0 for value in figures[kind].values())
    assert 0 < figures["rows_per_event"] <= 1
    assert "xpulse_fold/confluent_loop" in figures["ratios"]


def test_the_same_seed_makes_the_same_events_and_the_truth_is_about_them() -> None:
    first, second = Truth(), Truth()
    made = [list(Source(NARROW, seed=3, start_ms=0, total=500).records(500, truth)) for truth in (first, second)]
    assert made[0] == made[1]
    values = [round(json.loads(value)["value"] * 1000) for _, value, _ in made[0]]
    sums = first.totals().values()
    assert sum(n for n, *_ in sums) == len(values)
    assert sum(total for _, total, *_ in sums) == sum(values)
    assert (min(low for *_, low, _ in sums), max(high for *_, high in sums)) == (min(values), max(values))


def test_one_wrong_total_is_an_error() -> None:
    truth = {("a", 0): (2, 5, 2, 3), ("b", 0): (1, 1, 1, 1)}
    check("right", dict(truth), truth)
    for wrong in ({**truth, ("a", 0): (2, 6, 2, 3)}, {("a", 0): truth["a", 0]}, {**truth, ("c", 0): (1, 1, 1, 1)}):
        with pytest.raises(BenchmarkError, match="1 of 2 groups are wrong"):
            check("wrong", wrong, truth)


@pytest.mark.integration
def test_more_keys_than_a_profile_admits_are_counted_where_growth_asks_for_it(tmp_path: Path) -> None:
    many, events = Shape(countries=60, applications=100, metrics=8), 20_000
    [fold] = [entry.contestant for entry in ENTRIES if entry.name == "xpulse_fold"]
    with filled_topic(tmp_path / "topic", many, events=events, of=events, partitions=1) as topic:
        assert run(fold, topic, tmp_path / "all", {MAX_KEYS: "1000000"}).events == events
        with pytest.raises(BenchmarkError, match="groups are wrong"):
            run(fold, topic, tmp_path / "bounded")


def test_an_unknown_contestant_is_named() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--only", "nobody"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "there is no nobody" in ended.stderr
