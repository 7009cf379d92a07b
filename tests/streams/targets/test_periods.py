"""Calendar periods in UTC and lengths of time."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.events.judging import PeriodKind
from streams.targets.periods import period_start, seconds


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("kind", "end", "start"),
    [
        ("day", "2026-03-01T00:10", "2026-03-01"),
        ("day", "2026-03-01T00:00", "2026-02-28"),
        ("week", "2026-03-02T00:00", "2026-02-23"),
        ("week", "2026-03-02T00:01", "2026-03-02"),
        ("month", "2026-03-01T00:00", "2026-02-01"),
        ("month", "2026-03-01T00:00:01", "2026-03-01"),
        ("quarter", "2026-03-31T12:00", "2026-01-01"),
        ("quarter", "2026-12-31T23:59", "2026-10-01"),
    ],
)
def test_periods_begin_on_the_calendar(kind: PeriodKind, end: str, start: str) -> None:
    assert period_start(kind, ms(end)) == ms(start)


@given(st.sampled_from(["day", "week", "month", "quarter"]), st.integers(1, 4_000_000_000_000))
def test_an_end_lies_in_its_own_period(kind: PeriodKind, end_ms: int) -> None:
    start_ms = period_start(kind, end_ms)
    assert start_ms < end_ms
    assert period_start(kind, start_ms + 1) == start_ms
    assert end_ms - start_ms <= 92 * 86_400_000


@pytest.mark.parametrize(("text", "length"), [("30s", 30), ("15m", 900), ("8h", 28_800), ("7d", 604_800)])
def test_lengths(text: str, length: int) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "-1d", "7 d", "7D", "1.5h", "7d\n", "９d"])
def test_what_is_no_length(text: str) -> None:
    with pytest.raises(ValueError, match="not a length of time"):
        seconds(text)
