"""ClickHouse's HTTP interface as curl and dashboards use it."""

import base64
import gzip
import json
import uuid
import zlib
from typing import Any

import httpx
import lz4.frame
import pytest
import zstandard

from tests.agents.local.clickhouse.conftest import SERVER
from tests.agents.local.clickhouse.target import READER_URL, WRITER_URL, Target

pytestmark = pytest.mark.integration


def _code(reply: httpx.Response) -> int:
    """Return ClickHouse's error code after checking that the error looks as a server's."""
    code = int(reply.headers["X-ClickHouse-Exception-Code"])
    assert reply.text.startswith(f"Code: {code}. DB::Exception: "), reply.text
    assert reply.status_code >= 400
    return code


class TestQuery:
    def test_ping(self, target: Target) -> None:
        reply = httpx.get(target.writer.url + "ping")
        assert (reply.status_code, reply.text) == (200, "Ok.\n")

    def test_no_statement(self, target: Target) -> None:
        reply = httpx.get(target.writer.url)
        assert (reply.status_code, reply.text) == (200, "Ok.\n")

    def test_statement_in_the_body(self, target: Target) -> None:
        assert target.writer.rows("SELECT 1, 'a'") == [["1", "a"]]

    def test_statement_in_the_url(self, target: Target) -> None:
        assert target.writer.ask("SELECT 2", method="GET").text == "2\n"

    def test_statement_in_the_url_continues_in_the_body(self, target: Target) -> None:
        assert target.writer.ask("+ 2", query="SELECT 40").text == "42\n"

    def test_a_final_semicolon(self, target: Target) -> None:
        assert target.writer.rows("SELECT 1;\n") == [["1"]]

    def test_times_are_utc(self, target: Target) -> None:
        assert target.writer.rows("SELECT toString(toDateTime(0)), timezone()") == [["1970-01-01 00:00:00", "UTC"]]

    def test_current_database(self, target: Target) -> None:
        assert target.writer.rows("SELECT currentDatabase()") == [["xpulse"]]
        assert (
            target.writer.ask("SELECT currentDatabase()", headers={"X-ClickHouse-Database": "system"}).text
            == "system\n"
        )
        assert target.reader.rows("SELECT currentDatabase()") == [["xpulse_pub"]]

    def test_query_id_is_echoed_or_made(self, target: Target) -> None:
        wanted = str(uuid.uuid4())
        assert target.writer.ask("SELECT 1", query_id=wanted).headers["X-ClickHouse-Query-Id"] == wanted
        made = target.writer.ask("SELECT 1").headers["X-ClickHouse-Query-Id"]
        assert str(uuid.UUID(made)) == made


class TestFormat:
    @pytest.mark.parametrize(
        ("sql", "more", "expected", "kind"),
        [
            ("SELECT 1 AS a FORMAT JSONEachRow", {}, '{"a":1}\n', "application/x-ndjson"),
            ("SELECT 1 AS a FORMAT CSV", {}, "1\n", "text/csv"),
            ("SELECT 1 AS a FORMAT TSVWithNames", {}, "a\n1\n", "text/tab-separated-values"),
            ("SELECT 1 AS a", {"default_format": "CSVWithNames"}, '"a"\n1\n', "text/csv"),
            ("SELECT 1 AS a", {}, "1\n", "text/tab-separated-values"),
            ("SELECT 1 AS a -- no FORMAT JSON", {}, "1\n", "text/tab-separated-values"),
        ],
    )
    def test_formats(self, target: Target, sql: str, more: dict[str, Any], expected: str, kind: str) -> None:
        reply = target.writer.ask(sql, **more)
        assert reply.text == expected
        assert reply.headers["Content-Type"].startswith(kind)

    def test_header_names_the_format(self, target: Target) -> None:
        reply = target.writer.ask("SELECT 1 FORMAT JSONCompact")
        assert reply.headers["X-ClickHouse-Format"] == "JSONCompact"
        assert reply.json()["data"] == [[1]]

    def test_format_header_wins_over_the_parameter(self, target: Target) -> None:
        reply = target.writer.ask("SELECT 1", headers={"X-ClickHouse-Format": "CSV"}, default_format="JSON")
        assert reply.headers["X-ClickHouse-Format"] == "CSV"

    def test_an_unknown_format(self, target: Target) -> None:
        reply = target.writer.ask("SELECT 1 FORMAT Papyrus")
        assert (_code(reply), reply.status_code) == (73, 404)


class TestParameters:
    @pytest.mark.parametrize(
        ("type_", "value", "expected"),
        [
            ("Int64", "-5", "-5"),
            ("String", "it's", "it\\'s"),
            ("String", "'); DROP TABLE x; --", "\\'); DROP TABLE x; --"),
            ("Array(String)", "['a','b']", "['a','b']"),
            ("Nullable(UInt8)", "\\N", "\\N"),
            ("DateTime64(3, 'UTC')", "2026-11-22 01:02:03.456", "2026-11-22 01:02:03.456"),
            ("String", "a\\tb", "a\\tb"),
        ],
    )
    def test_values_are_bound_not_pasted(self, target: Target, type_: str, value: str, expected: str) -> None:
        assert target.writer.rows(f"SELECT {{x:{type_}}}", param_x=value) == [[expected]]

    def test_a_value_of_the_wrong_type(self, target: Target) -> None:
        reply = target.writer.ask("SELECT {x:UInt8}", param_x="many")
        assert _code(reply) == 457
        assert "many" in reply.text

    def test_a_missing_value(self, target: Target) -> None:
        assert _code(target.writer.ask("SELECT {x:UInt8}")) == 456

    def test_values_in_a_form(self, target: Target) -> None:
        reply = httpx.post(
            target.writer.url,
            auth=(target.writer.user, target.writer.password),
            files={"query": (None, "SELECT {x:UInt8} + 1"), "param_x": (None, "4")},
        )
        assert reply.text == "5\n"


class TestSettings:
    def test_a_setting_holds_for_one_statement(self, target: Target) -> None:
        sql = "SELECT getSetting('max_block_size')"
        before = target.writer.rows(sql)
        for _ in range(3):
            assert target.writer.rows(sql, max_block_size="1234") == [["1234"]]
            assert target.writer.rows(sql) == before

    def test_an_unknown_setting(self, target: Target) -> None:
        reply = target.writer.ask("SELECT 1", max_happiness="11")
        assert (_code(reply), reply.status_code) == (115, 404)

    def test_a_setting_that_is_no_name(self, embedded: Target) -> None:
        bad: dict[str, Any] = {"max_threads = 1, readonly": "0"}
        reply = embedded.writer.ask("SELECT 1", **bad)
        assert (_code(reply), reply.status_code) == (36, 400)

    def test_set_does_not_leak_into_the_next_request(self, target: Target) -> None:
        before = target.writer.rows("SELECT getSetting('max_block_size')")
        target.writer.run("SET max_block_size = 4321")
        assert {tuple(target.writer.rows("SELECT getSetting('max_block_size')")[0]) for _ in range(8)} == {
            tuple(before[0])
        }

    def test_use_does_not_leak_into_the_next_request(self, target: Target) -> None:
        target.writer.run("USE system")
        assert {target.writer.rows("SELECT currentDatabase()")[0][0] for _ in range(8)} == {"xpulse"}


class TestErrors:
    @pytest.mark.parametrize(
        ("sql", "code", "status"),
        [
            ("SELEC 1", 62, 400),
            ("SELECT * FROM no_such_table", 60, 404),
            ("SELECT * FROM no_such_database.t", 81, 404),
            ("SELECT no_such_function(1)", 46, 404),
            ("SELECT no_such_column", 47, 404),
            ("SELECT toUInt8('x')", 6, 400),
            ("SELECT throwIf(1)", 395, 500),
        ],
    )
    def test_code_and_status(self, target: Target, sql: str, code: int, status: int) -> None:
        reply = target.writer.ask(sql)
        assert (_code(reply), reply.status_code) == (code, status)

    @pytest.mark.parametrize(
        "sql", ["SELECT 1; SELECT 2", "SELECT 1;\n\n/* x */ DROP TABLE t", "SET max_threads = 1; SELECT 1"]
    )
    def test_several_statements_are_refused(self, target: Target, sql: str) -> None:
        reply = target.writer.ask(sql)
        assert (_code(reply), reply.status_code) == (62, 400)

    def test_several_statements_do_nothing(self, target: Target) -> None:
        table = target.table("a Int32")
        assert _code(target.writer.ask(f"INSERT INTO {table} VALUES (1); DROP TABLE {table}")) == 62
        assert target.count(table) == 0

    def test_get_only_reads(self, target: Target) -> None:
        table = target.table("a Int32")
        for sql in (f"DROP TABLE {table}", f"INSERT INTO {table} VALUES (1)", f"INSERT INTO {table} FORMAT CSV 1"):
            assert _code(target.writer.ask(sql, method="GET")) == 164
        assert target.count(table) == 0

    def test_a_failed_result_does_not_show_in_the_next(self, target: Target) -> None:
        failing = "SELECT throwIf(number = 400000) FROM numbers(500000)"
        for _ in range(4):
            assert _code(target.writer.ask(failing, max_block_size="1000", wait_end_of_query="1")) == 395
            for _ in range(4):
                assert target.writer.rows("SELECT 'clean'") == [["clean"]]

    def test_a_setting_of_a_failed_statement_does_not_stay(self, target: Target) -> None:
        before = target.writer.rows("SELECT getSetting('max_block_size')")
        assert _code(target.writer.ask("SELECT throwIf(1)", max_block_size="77")) == 395
        assert {target.writer.rows("SELECT getSetting('max_block_size')")[0][0] for _ in range(8)} == {before[0][0]}


class TestAuthentication:
    def test_every_way_of_naming_oneself(self, target: Target) -> None:
        user, password = target.writer.user, target.writer.password
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        ways: list[tuple[dict[str, str], dict[str, str]]] = [
            ({"Authorization": f"Basic {token}"}, {}),
            ({"X-ClickHouse-User": user, "X-ClickHouse-Key": password}, {}),
            ({}, {"user": user, "password": password}),
        ]
        for headers, parameters in ways:
            query = {"query": "SELECT count() FROM system.tables WHERE database = 'xpulse' HAVING 1", **parameters}
            reply = httpx.get(target.writer.url, params=query, headers=headers)
            assert reply.status_code == 200, reply.text

    @pytest.mark.parametrize("password", ["", "wrong", "päßwörd"])
    def test_a_wrong_password(self, target: Target, password: str) -> None:
        query = {"query": "SELECT 1", "user": target.writer.user, "password": password}
        reply = httpx.get(target.writer.url, params=query)
        assert _code(reply) == 516
        assert "password is incorrect, or there is no user with such name" in reply.text

    def test_an_unknown_user_reads_as_a_wrong_password(self, target: Target) -> None:
        replies = [
            httpx.get(target.writer.url, params={"query": "SELECT 1", "user": user, "password": "x"}).text
            for user in (target.writer.user, "nobody")
        ]
        assert replies[0].replace(target.writer.user, "U") == replies[1].replace("nobody", "U")

    def test_a_broken_header(self, target: Target) -> None:
        reply = httpx.get(target.writer.url, params={"query": "SELECT 1"}, headers={"Authorization": "Basic ???"})
        assert reply.status_code in (400, 401, 403)


DECODERS = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "lz4": lz4.frame.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


class TestCompression:
    @pytest.mark.parametrize("encoding", sorted(DECODERS))
    def test_results(self, target: Target, encoding: str) -> None:
        headers = {"Accept-Encoding": encoding}
        auth = (target.writer.user, target.writer.password)
        query = {"query": "SELECT number FROM numbers(100000)", "enable_http_compression": "1"}
        with httpx.stream("POST", target.writer.url, params=query, headers=headers, auth=auth) as reply:
            raw = b"".join(reply.iter_raw())
        assert reply.headers["Content-Encoding"] == encoding
        assert DECODERS[encoding](raw) == b"".join(b"%d\n" % i for i in range(100_000))

    def test_no_compression_unless_asked(self, target: Target) -> None:
        reply = target.writer.ask("SELECT 1", headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in reply.headers

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "lz4", "zstd"])
    def test_statements(self, target: Target, encoding: str) -> None:
        pack = {
            "gzip": gzip.compress,
            "deflate": zlib.compress,
            "lz4": lz4.frame.compress,
            "zstd": zstandard.ZstdCompressor().compress,
        }[encoding]
        reply = target.writer.ask(pack(b"SELECT 'packed'"), headers={"Content-Encoding": encoding})
        assert reply.text == "packed\n"

    def test_a_damaged_body(self, target: Target) -> None:
        packed = lz4.frame.compress(b"SELECT 1" * 1000)
        for body in (packed[:-9], packed[:40] + b"\xff" * 8 + packed[48:]):
            assert target.writer.ask(body, headers={"Content-Encoding": "lz4"}).status_code >= 400


def test_the_suite_runs_on_a_server_too() -> None:
    if SERVER is None:
        pytest.skip(f"no ClickHouse server: {WRITER_URL} and {READER_URL} are not set")
    assert SERVER.writer.rows("SELECT version()") != []


def test_summary_counts_what_was_read_and_written(target: Target) -> None:
    table = target.table("a UInt64")
    written = json.loads(
        target.writer.ask(f"INSERT INTO {table} SELECT number FROM numbers(1000)").headers["X-ClickHouse-Summary"]
    )
    assert written["written_rows"] == "1000"
    read = json.loads(
        target.writer.ask(f"SELECT sum(a) FROM {table}", wait_end_of_query="1").headers["X-ClickHouse-Summary"]
    )
    assert read["read_rows"] == "1000"
