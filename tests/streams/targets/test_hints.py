"""Hints about target files."""

from datetime import UTC, datetime

import msgspec

from streams.targets.hints import hints
from tests.streams.targets.test_expansion import PAIRS

DUE_MS = int(datetime(2027, 1, 31, tzinfo=UTC).timestamp() * 1000)
DAY_MS = 86_400_000


def test_a_review_is_overdue_from_the_day_after() -> None:
    assert hints(PAIRS, DUE_MS - DAY_MS) == []
    assert hints(PAIRS, DUE_MS + DAY_MS - 1) == []
    assert hints(PAIRS, DUE_MS + 10 * DAY_MS) == ["review: was due on 2027-01-31, 10 days ago"]


def test_a_file_without_a_review_is_told() -> None:
    (hint,) = hints(msgspec.structs.replace(PAIRS, review=None), DUE_MS)
    assert hint.startswith("review: no date")
