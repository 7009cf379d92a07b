"""Answers of ClickHouse as a browser gets them."""

from typing import Any

import orjson
import pytest

from agents.screens.preview.answers import MOST_ROWS, shape


def one(kind: str, value: Any) -> tuple[str, Any]:
    answer = shape(orjson.dumps({"meta": [{"name": "x", "type": kind}], "data": [[value]]}))
    return answer["columns"][0]["kind"], answer["rows"][0][0]


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("DateTime64(3, 'UTC')", "2026-03-01 12:00:00.250", ("time", 1_772_366_400_250)),
        ("DateTime", "2026-03-01 12:00:00", ("time", 1_772_366_400_000)),
        ("Nullable(DateTime('Europe/Oslo'))", "2026-03-01 13:00:00", ("time", 1_772_366_400_000)),
        ("Date", "2026-03-01", ("time", 1_772_323_200_000)),
        ("UInt64", "18446744073709551615", ("number", 18446744073709551615.0)),
        ("UInt64", "42", ("number", 42)),
        ("Nullable(Float64)", None, ("number", None)),
        ("Float64", "nan", ("number", None)),
        ("Float64", "-inf", ("number", None)),
        ("Decimal(9, 2)", 1.25, ("number", 1.25)),
        ("LowCardinality(Nullable(String))", "<b>", ("text", "<b>")),
        ("Enum8('met' = 1)", "met", ("text", "met")),
        ("Bool", True, ("text", "true")),
        ("Array(String)", ["a", "b"], ("text", "a, b")),
        ("Map(String, UInt8)", {"a": 1}, ("text", "a: 1")),
    ],
)
def test_values_become_what_a_page_can_draw(kind: str, value: Any, shown: tuple[str, Any]) -> None:
    assert one(kind, value) == shown


def test_too_many_rows_are_cut_and_counted() -> None:
    rows = [[1]] * (MOST_ROWS + 7)
    answer = shape(orjson.dumps({"meta": [{"name": "x", "type": "UInt8"}], "data": rows}))
    assert (len(answer["rows"]), answer["cut"]) == (MOST_ROWS, 7)
