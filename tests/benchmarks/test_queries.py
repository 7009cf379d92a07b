"""The questions of the design size at a tiny size: answers are checked, figures come out."""

from pathlib import Path

import pytest

from benchmarks import queries
from benchmarks.design_size import Size, keys_of
from benchmarks.services import BenchmarkError

TINY = Size(keys=50, hot_minutes=90)  # one hour of it gets sealed


@pytest.mark.integration
def test_each_question_is_answered_right_and_measured(tmp_path: Path) -> None:
    taken = queries.measure(tmp_path / "queries", TINY)
    assert list(taken) == [question.name for question in queries.questions(TINY)]
    assert all(
        t.median_ms > 0 and t.server_cpu_ms > 0 and t.plan_cpu_ms > 0 and t.rows_read > 0 for t in taken.values()
    )
    assert len(list(queries.lines(queries.as_json(taken)))) == 2 + len(taken)


def test_a_service_has_its_applications_in_all_countries() -> None:
    assert keys_of(Size(), service="service-20", metric="app.metric_0") == 12
    assert keys_of(Size(), service="service-3", metric="app.metric_0") == 2 * 12
    assert sum(keys_of(Size(), service=f"service-{number}") for number in range(25)) == 5_000


def test_an_answer_that_lacks_a_reading_is_an_error() -> None:
    question = next(queries.questions(TINY))
    with pytest.raises(BenchmarkError, match=f"3599 readings in the answer instead of {question.readings}"):
        queries._check(question, [("app.metric_0", 0, 0.9, 3599)])


def test_the_page_says_which_aims_are_missed() -> None:
    def taken(median_ms: float) -> queries.Taken:
        return queries.Taken(median_ms, server_cpu_ms=2, plan_cpu_ms=1, rows_read=10, aim_ms=100)

    found = queries.as_json({"fast": taken(50.0), "slow": taken(100.1)})
    page = "\n".join(queries.lines(found))
    assert "100: kept" in page.split("slow")[0]
    assert "100: missed" in page.split("slow")[1]
