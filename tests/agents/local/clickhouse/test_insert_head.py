"""Cutting INSERT statements into head and data; saying which texts nobody may send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.local.clickhouse.change import check_change, check_statement
from agents.local.clickhouse.errors import StatementError
from agents.local.clickhouse.insert import InsertHead, insert_head
from agents.local.clickhouse.reply import output_format

NOISE = st.sampled_from([b" ", b"\n", b"\t", b"/* FORMAT X */", b"-- FORMAT Y\n", b"# FORMAT Z\n", b"/* ' */"])
GAP = st.lists(NOISE, min_size=1, max_size=3).map(b"".join)
TABLE = st.sampled_from(
    [b"t", b"`format`", b"db.format", b'"a b".`c``d`', b"db.`x FORMAT CSV`", b"format", b"TABLE t", b"`\\`x`"]
)
COLUMNS = st.sampled_from([b"", b"(a)", b"(format, `values`)", b"(* EXCEPT(a))", b"(`)`)"])


@given(st.lists(GAP, min_size=6, max_size=6), TABLE, COLUMNS, st.binary(max_size=50))
def test_data_begin_after_the_format(gaps: list[bytes], table: bytes, columns: bytes, data: bytes) -> None:
    head = gaps[0] + b"INSERT" + gaps[1] + b"into" + gaps[2] + table + gaps[3] + columns + gaps[4]
    found = insert_head(head + b"FORMAT Native\n" + data)
    assert found is not None
    assert (found.statement.encode(), found.format) == (head, "Native")
    assert (head + b"FORMAT Native\n" + data)[found.data_at :] == data


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (b"INSERT INTO t FORMAT CSV\n1", b"1"),
        (b"INSERT INTO t FORMAT CSV \t\r\n1", b"1"),
        (b"INSERT INTO t FORMAT CSV\n\n1", b"\n1"),
        (b"INSERT INTO t FORMAT CSV 1", b"1"),
        (b"INSERT INTO t FORMAT CSV", b""),
        (b"INSERT INTO FUNCTION null('FORMAT X') FORMAT CSV\n1", b"1"),
        (b"INSERT INTO t (a) SETTINGS format_csv_delimiter = ' FORMAT X ' FORMAT CSV\n1", b"1"),
    ],
)
def test_where_the_data_begin(text: bytes, data: bytes) -> None:
    found = insert_head(text)
    assert found is not None
    assert found.format == "CSV"
    assert text[found.data_at :] == data


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT 1 FORMAT CSV",
        b"INSERT INTO t VALUES (1) -- FORMAT CSV",
        b"INSERT INTO t VALUES ('FORMAT CSV')",
        b"INSERT INTO t FORMAT Values (1)",
        b"INSERT INTO t SELECT * FROM u FORMAT CSV",
        b"INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x FORMAT CSV",
        b"INSERT INTO t",
        b"INSERT",
        b"EXPLAIN INSERT INTO t FORMAT CSV",
        b"",
    ],
)
def test_texts_without_data(text: bytes) -> None:
    assert insert_head(text) is None


def test_example() -> None:
    assert insert_head(b"insert into t format TSV\n\xff") == InsertHead("insert into t ", "", "TSV", 25)


@pytest.mark.parametrize("text", [b"INSERT INTO t FROM INFILE 'x'", b"insert into t from /* */ infile 'x' format CSV"])
def test_files_of_this_machine_are_refused(text: bytes) -> None:
    with pytest.raises(StatementError, match="INFILE"):
        insert_head(text)


@pytest.mark.parametrize("text", ["exit", "quit;", "q", "\\q", "?? how many", "/help", "'SELECT'", ";", "  -- x"])
def test_orders_to_an_interactive_client_are_no_statements(text: str) -> None:
    with pytest.raises(StatementError, match="not a statement"):
        check_statement(text)


@pytest.mark.parametrize(
    "text", ["SELECT 1", "(SELECT 1)", "-- x\nSHOW TABLES;", "SYSTEM FLUSH LOGS", "WITH 1 AS x SELECT x"]
)
def test_statements_are_statements(text: str) -> None:
    check_statement(text)


@pytest.mark.parametrize(
    ("text", "is_control", "is_allowed"),
    [
        ("SELECT 1 INTO OUTFILE 'x'", True, False),
        ("SELECT 1 into/**/outfile 'x'", True, False),
        ("SET x = 'OUTFILE'", True, True),
        ("KILL QUERY WHERE query LIKE '%OUTFILE%'", True, True),
        ("CREATE TABLE default.t (a Int32)", False, False),
        ('CREATE TABLE "default" . t (a Int32)', False, False),
        ("CREATE TABLE t (a Int32 DEFAULT 1)", False, True),
        ("CREATE TABLE t (a Float64 DEFAULT .5)", False, True),
        ("CREATE TABLE defaults.t (a Int32)", False, True),
    ],
)
def test_changes(text: str, is_control: bool, is_allowed: bool) -> None:
    if is_allowed:
        check_change(text, is_control=is_control)
    else:
        with pytest.raises(StatementError, match=r"not allowed|overlays"):
            check_change(text, is_control=is_control)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"SELECT 1", "TSV"),
        (b"SELECT 1 FORMAT CSV", "CSV"),
        (b"SELECT 1 format CSV ;\n", "CSV"),
        (b"SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "CSV"),
        (b"SELECT 1 -- FORMAT CSV", "TSV"),
        (b"SELECT ' FORMAT CSV'", "TSV"),
        (b"SELECT format FROM t", "TSV"),
    ],
)
def test_output_format(text: bytes, expected: str) -> None:
    assert output_format(text, "TSV") == expected
