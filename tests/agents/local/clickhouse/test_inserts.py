"""Inserting as clickhouse-connect, curl and clickhouse-go do, and what is acknowledged."""

import gzip
import json
import random

import httpx
import lz4.frame
import pytest
import zstandard

from agents.local.clickhouse.framing import pack
from tests.agents.local.clickhouse.target import Target

pytestmark = pytest.mark.integration


def _written(reply: httpx.Response) -> int:
    assert reply.status_code == 200, reply.text
    return int(json.loads(reply.headers["X-ClickHouse-Summary"])["written_rows"])


class TestRaw:
    @pytest.mark.parametrize(
        ("form", "data"),
        [
            ("CSV", b"1,a\n2,b\n"),
            ("TSV", b"1\ta\n2\tb\n"),
            ("TabSeparated", b"1\ta\n2\tb"),
            ("JSONEachRow", b'{"a":1,"b":"a"}\n{"b":"b","a":2}\n'),
            ("RowBinary", b"\x01\x00\x00\x00\x01a\x02\x00\x00\x00\x01b"),
            ("Native", b"\x02\x02\x01a\x05Int32\x01\x00\x00\x00\x02\x00\x00\x00\x01b\x06String\x01a\x01b"),
        ],
    )
    def test_formats(self, target: Target, form: str, data: bytes) -> None:
        table = target.table("a Int32, b String")
        for head in (f"INSERT INTO {table} FORMAT {form}\n", f"insert into {table} (a, b) format {form} "):
            assert _written(target.writer.ask(head.encode() + data)) == 2
        assert target.writer.rows(f"SELECT DISTINCT a, b FROM {table} ORDER BY a") == [["1", "a"], ["2", "b"]]
        assert target.count(table) == 4

    def test_head_in_the_url_and_data_in_the_body(self, target: Target) -> None:
        table = target.table("a Int32, b String")
        for head in (f"INSERT INTO {table} FORMAT CSV", f"INSERT INTO {table} (a, b) FORMAT CSV "):
            assert _written(target.writer.ask(b"1,x\n2,y\n3,z\n", query=head)) == 3
        assert target.count(table) == 6

    def test_values(self, target: Target) -> None:
        table = target.table("a Int32, b String")
        assert _written(target.writer.ask(f"INSERT INTO {table} VALUES (1, 'x'), (2, 'it''s; FORMAT CSV')")) == 2
        assert _written(target.writer.ask(f"INSERT INTO {table} (b, a) VALUES ('INFILE', 3)")) == 1
        assert _written(target.writer.ask(b"(4, 'y')", query=f"INSERT INTO {table} VALUES")) == 1
        assert _written(target.writer.ask(f"INSERT INTO {table} FORMAT Values (5, 'z')")) == 1
        assert target.writer.rows(f"SELECT sum(a), count() FROM {table}") == [["15", "5"]]

    def test_many_values(self, target: Target) -> None:
        table = target.table("a UInt32, b String")
        values = ", ".join(f"({i}, 'it''s {i};')" for i in range(50_000))
        assert _written(target.writer.ask(f"INSERT INTO {table} VALUES {values}")) == 50_000
        assert target.writer.rows(f"SELECT sum(a), uniqExact(b) FROM {table}") == [["1249975000", "50000"]]

    def test_data_that_read_like_sql(self, target: Target) -> None:
        table = target.table("b String")
        lines = ["SELECT 1; DROP TABLE x", "INTO OUTFILE 'x'", "FROM INFILE", "'", '"', "`", "/*", "--", ";", "é", "$$"]
        data = "\n".join(lines).encode()
        assert _written(target.writer.ask(f"INSERT INTO {table} FORMAT LineAsString\n".encode() + data)) == len(lines)
        assert {row[0] for row in target.writer.rows(f"SELECT b FROM {table} FORMAT TSVRaw")} == set(lines)

    def test_names_that_read_like_keywords(self, target: Target) -> None:
        target.writer.run("CREATE TABLE IF NOT EXISTS xpulse.format (select Int32, values Int32) ENGINE = Memory")
        target.writer.run("TRUNCATE TABLE xpulse.format")
        assert _written(target.writer.ask("INSERT INTO xpulse.format (select, values) FORMAT CSV\n1,2\n")) == 1
        assert _written(target.writer.ask("INSERT INTO format FORMAT CSV\n3,4\n")) == 1
        assert target.writer.rows("SELECT sum(select), sum(values) FROM xpulse.format") == [["4", "6"]]

    def test_comments_and_settings_in_the_head(self, target: Target) -> None:
        table = target.table("a Int32")
        settings = "SETTINGS max_insert_block_size = 10"
        head = f"/* FORMAT TSV */ INSERT -- FORMAT JSON\n INTO {table} (a) {settings} FORMAT CSV\n"
        assert _written(target.writer.ask(head + "1\n2\n")) == 2
        assert target.count(table) == 2

    def test_settings_in_the_url(self, target: Target) -> None:
        table = target.table("a DateTime('UTC')")
        sql = f"INSERT INTO {table} FORMAT CSV\n2026-11-22T01:02:03Z\n"
        assert target.writer.ask(sql, date_time_input_format="basic").status_code == 400
        assert _written(target.writer.ask(sql, date_time_input_format="best_effort")) == 1

    def test_insert_select(self, target: Target) -> None:
        table = target.table("a UInt64")
        assert _written(target.writer.ask(f"INSERT INTO {table} SELECT number FROM numbers(5000)")) == 5000
        assert target.count(table) == 5000

    def test_no_rows(self, target: Target) -> None:
        table = target.table("a Int32")
        assert _written(target.writer.ask(f"INSERT INTO {table} FORMAT CSV\n")) == 0
        assert target.count(table) == 0


class TestFailure:
    def test_a_bad_row_is_an_error_with_its_place(self, target: Target) -> None:
        table = target.table("a Int32")
        reply = target.writer.ask(f"INSERT INTO {table} FORMAT CSV\n1\nmany\n3\n")
        assert reply.status_code == 400
        assert "row 2" in reply.text
        assert target.count(table) == 0

    def test_the_next_insert_is_clean(self, target: Target) -> None:
        table = target.table("a Int32")
        for value in range(5):
            assert target.writer.ask(f"INSERT INTO {table} FORMAT CSV\n1\nmany\n").status_code == 400
            assert _written(target.writer.ask(f"INSERT INTO {table} FORMAT CSV\n{value}\n")) == 1
        assert target.writer.rows(f"SELECT groupArray(a) FROM (SELECT a FROM {table} ORDER BY a)") == [["[0,1,2,3,4]"]]

    def test_a_truncated_native_block(self, target: Target) -> None:
        table = target.table("a Int32")
        block = b"\x01\x03\x01a\x05Int32\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00"
        assert target.writer.ask(f"INSERT INTO {table} FORMAT Native\n".encode() + block).status_code >= 400
        assert target.count(table) == 0

    @pytest.mark.parametrize(
        ("sql", "code"),
        [
            ("INSERT INTO xpulse.no_such_table FORMAT CSV\n1\n", "60"),
            ("INSERT INTO {table} (z) FORMAT CSV\n1\n", "16"),
            ("INSERT INTO {table} FORMAT Papyrus\n1\n", "73"),
            ("INSERT INTO {table} VALUES ('x", "62"),
        ],
    )
    def test_errors(self, target: Target, sql: str, code: str) -> None:
        table = target.table("a Int32")
        reply = target.writer.ask(sql.replace("{table}", table))
        assert reply.headers["X-ClickHouse-Exception-Code"] == code, reply.text

    @pytest.mark.parametrize(
        ("columns", "data", "code"),
        [
            ("a Int32, CONSTRAINT few CHECK a < 10", "50\n", "469"),
            ("a Int32, b Int32 MATERIALIZED throwIf(a = 5)", "5\n", "395"),
        ],
    )
    def test_rows_that_cannot_be_written_are_not_acknowledged(
        self, target: Target, columns: str, data: str, code: str
    ) -> None:
        table = target.table(columns)
        reply = target.writer.ask(f"INSERT INTO {table} FORMAT CSV\n{data}")
        assert reply.headers["X-ClickHouse-Exception-Code"] == code, reply.text
        assert target.count(table) == 0

    def test_too_many_partitions_are_an_error_not_a_loss(self, target: Target) -> None:
        table = target.table("a Int32", engine="MergeTree ORDER BY a PARTITION BY a")
        data = "".join(f"{value}\n" for value in range(200))
        reply = target.writer.ask(f"INSERT INTO {table} FORMAT CSV\n{data}")
        assert reply.headers["X-ClickHouse-Exception-Code"] == "252", reply.text
        assert target.count(table) == 0


class TestCompression:
    ROWS = 30_000
    DATA = b"".join(b"%d\n" % i for i in range(ROWS))

    @pytest.mark.parametrize("encoding", ["gzip", "zstd", "lz4"])
    def test_compressed_body(self, target: Target, encoding: str) -> None:
        table = target.table("a UInt64")
        compress = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress, "lz4": lz4.frame.compress}
        body = compress[encoding](self.DATA)
        reply = target.writer.ask(body, headers={"Content-Encoding": encoding}, query=f"INSERT INTO {table} FORMAT CSV")
        assert _written(reply) == self.ROWS
        assert target.writer.rows(f"SELECT count(), sum(a) FROM {table}") == [["30000", "449985000"]]

    def test_many_lz4_frames(self, target: Target) -> None:
        table = target.table("a UInt64")
        body = b"".join(lz4.frame.compress(self.DATA[at : at + 7777]) for at in range(0, len(self.DATA), 7777))
        reply = target.writer.ask(body, headers={"Content-Encoding": "lz4"}, query=f"INSERT INTO {table} FORMAT CSV")
        assert _written(reply) == self.ROWS
        assert target.writer.rows(f"SELECT count(), sum(a) FROM {table}") == [["30000", "449985000"]]

    def test_a_missing_last_frame_end_is_an_error(self, target: Target) -> None:
        table = target.table("a UInt64")
        body = lz4.frame.compress(b"1\n" * 9000) + lz4.frame.compress(b"2\n" * 9000)[:-6]
        reply = target.writer.ask(body, headers={"Content-Encoding": "lz4"}, query=f"INSERT INTO {table} FORMAT CSV")
        assert reply.status_code >= 400
        assert target.count(table) == 0

    @pytest.mark.parametrize("method", ["LZ4", "ZSTD", "NONE"])
    def test_clickhouses_own_blocks(self, target: Target, method: str) -> None:
        table = target.table("a UInt64")
        reply = target.writer.ask(pack(self.DATA, method), query=f"INSERT INTO {table} FORMAT CSV", decompress="1")
        assert _written(reply) == self.ROWS
        assert target.count(table) == self.ROWS

    def test_a_damaged_block_is_an_error(self, target: Target) -> None:
        table = target.table("a UInt64")
        body = bytearray(pack(self.DATA, "LZ4"))
        body[len(body) // 2] ^= 1
        reply = target.writer.ask(bytes(body), query=f"INSERT INTO {table} FORMAT CSV", decompress="1")
        assert reply.headers["X-ClickHouse-Exception-Code"] == "40"
        assert target.count(table) == 0


class TestClickHouseConnect:
    @pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", True, False])
    def test_insert_and_query(self, target: Target, compress: str | bool) -> None:
        table = target.table(
            "a UInt64, b String, c Array(Float64), d Nullable(DateTime64(3, 'UTC')), e LowCardinality(String)"
        )
        seed = random.Random(4)
        rows = [[i, seed.randbytes(40).hex(), [i / 2, -i], None, f"k{i % 7}"] for i in range(20_000)]
        with target.writer.client(compress=compress) as client:
            written = client.insert(table, rows, column_names=list("abcde")).written_rows
            assert written == len(rows)
            found = client.query(f"SELECT * FROM {table} ORDER BY a").result_rows
        assert [list(row) for row in found] == rows

    def test_raw_native_block(self, target: Target) -> None:
        table = target.table("a Int32")
        block = b"\x01\x02\x01a\x05Int32\x07\x00\x00\x00\x08\x00\x00\x00"
        with target.writer.client() as client:
            assert client.raw_insert(table, insert_block=block, fmt="Native").written_rows == 2
            assert client.query(f"SELECT sum(a) FROM {table}").first_row == (15,)

    def test_commands_parameters_and_streams(self, target: Target) -> None:
        table = target.table("a UInt64")
        with target.writer.client() as client:
            client.command(f"INSERT INTO {table} SELECT number FROM numbers(1000)")
            assert client.command(f"SELECT count() FROM {table} WHERE a < {{m:UInt64}}", parameters={"m": 10}) == 10
            with client.query_row_block_stream(f"SELECT a FROM {table}") as stream:
                assert sum(len(block) for block in stream) == 1000
            assert client.query(f"SELECT a FROM {table} LIMIT 0").column_names == ("a",)
            assert client.query_arrow(f"SELECT a FROM {table} ORDER BY a").num_rows == 1000

    def test_an_error_names_its_code(self, target: Target) -> None:
        from clickhouse_connect.driver.exceptions import DatabaseError  # noqa: PLC0415

        with target.writer.client() as client, pytest.raises(DatabaseError, match="code: 60"):
            client.query("SELECT * FROM no_such_table")
