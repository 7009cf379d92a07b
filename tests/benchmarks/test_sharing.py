"""Two workers of one group, from outside: they share, and what they stored together is right."""

from pathlib import Path

import pytest

from benchmarks import sharing


@pytest.mark.integration
def test_two_workers_share_a_topic_and_their_cost_is_that_of_both(tmp_path: Path) -> None:
    cost, rss_mb = sharing.cost(tmp_path / "two", 2, 5_000)
    assert cost > 0
    assert rss_mb > 10
