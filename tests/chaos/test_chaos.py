"""Short runs: nothing is wrong with the product, and something is wrong with a mutant of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.brokers import KINDS
from tests.chaos.regressions import regressions
from tests.chaos.run import Options, run
from tests.kafka.jars import KafkaMissing

pytestmark = pytest.mark.integration

SHORT = Options(
    seed=20, events=16_000, faults=4, classes=("worker_kill", "zombie", "lost_answers", "clickhouse_kill"),
    has_control=False,
)  # fmt: skip


@pytest.mark.timeout(300)
def test_whatever_dies_every_window_is_exact(tmp_path: Path) -> None:
    report = run(SHORT, KINDS["embedded"], tmp_path)
    assert report.complaints() == [], "\n".join(report.notes + report.lines())


@pytest.mark.timeout(300)
def test_without_the_duplicate_horizon_windows_are_wrong(tmp_path: Path) -> None:
    mutant = Options(seed=21, events=16_000, faults=2, classes=("worker_kill",), has_control=False, mutant="no-horizon")
    report = run(mutant, KINDS["embedded"], tmp_path)
    assert report.hits["worker_kill"] == 2, "\n".join(report.notes)
    assert report.recovered_s is not None, "it must be the answer that is wrong, not that there is none"
    assert report.judgement.comparisons["windows"].wrong > 0
    assert report.judgement.comparisons["tile audits"].wrong > 0
    assert any("are not complete" in words for words in report.seen.violations), "the commits show it, too"


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("broker", "options"), regressions())
def test_what_went_wrong_once_does_not_again(broker: str, options: Options, tmp_path: Path) -> None:
    try:
        report = run(options, KINDS[broker], tmp_path)
    except KafkaMissing as missing:
        pytest.skip(f"no Apache Kafka: {missing}")
    assert report.complaints() == [], "\n".join(report.notes + report.lines())
