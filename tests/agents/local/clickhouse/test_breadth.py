"""How much a statement comes to, before the engine plans it."""

import re
from dataclasses import dataclass

import pytest

from agents.local.clickhouse.breadth import MAX_PARTS, parts


@dataclass(frozen=True)
class Word:
    text: str
    name: str


def words(sql: str) -> list[Word]:
    return [Word(text, text if text[0].isalpha() else "") for text in re.findall(r"->|\w+|[^\s\w]", sql)]


def doubling(steps: int, *, backwards: bool = False) -> str:
    made = [
        f"t{n} AS (SELECT * FROM t{n - 1} AS a, t{n - 1} AS b)" if n else "t0 AS (SELECT * FROM v)"
        for n in range(steps)
    ]
    return f"WITH {', '.join(made[::-1] if backwards else made)} SELECT count() FROM t{steps - 1}"


def lambdas(steps: int, form: str) -> str:
    made = [form.format(f"x -> f{n - 1}(f{n - 1}(x))" if n else "x -> x + 1") + f" AS f{n}" for n in range(steps)]
    return f"WITH {', '.join(made)} SELECT f{steps - 1}(1)"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", 0),
        ("SELECT n FROM v WHERE n > 1", 1),
        ("SELECT a.n FROM v AS a JOIN d.v AS b USING n", 2),
        ("SELECT (SELECT max(n) FROM v) AS most, most + 1", 2),
        ("WITH t AS (SELECT * FROM v) SELECT * FROM t", 3),
        ("SELECT a.x, a.y, a.z FROM v AS a ORDER BY a.x", 1),
        ("WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT * FROM t", 2),
        ("SELECT n AS a, a + a AS b, b + b AS c", 0),
        ("SELECT arrayMap(x -> x + 1, l) AS m, m", 1),
        ("SELECT CAST(n AS UInt8) FROM v", 1),
    ],
)
def test_ordinary_statements_come_to_little(sql: str, expected: int) -> None:
    assert parts(words(sql), ["v"]) == expected


@pytest.mark.parametrize(
    "sql",
    [
        doubling(8),
        doubling(8, backwards=True),
        doubling(8).replace("AS (", "AS MATERIALIZED ("),
        lambdas(12, "({})"),
        lambdas(12, "{}"),
        "SELECT 1 FROM " + ", ".join(["v"] * 100),
        "SELECT " + ", ".join(f"{n} AS a{n}" for n in range(1000)),
    ],
)
def test_what_doubles_is_too_much(sql: str) -> None:
    assert parts(words(sql), ["v"]) == MAX_PARTS + 1


def test_a_circle_ends() -> None:
    assert parts(words("WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM a"), []) < MAX_PARTS
