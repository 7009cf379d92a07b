"""What only the embedded ClickHouse promises: limits, survival, refusals of its own."""

import gzip
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from agents.local.clickhouse.users import standard_users, write_users
from agents.local.ports import free_port
from tests.agents.local.clickhouse.conftest import embedded_target
from tests.agents.local.clickhouse.target import Target
from tests.agents.local.services import ClickHouse, running_clickhouse, wait_until

pytestmark = pytest.mark.integration

SLOW = "SELECT sum(sleepEachRow(0.05)) FROM numbers(1000) SETTINGS max_block_size = 1"
RUNNING = "SELECT count() FROM system.processes WHERE query LIKE '%numbers(1000)%' AND query NOT LIKE '%processes%'"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A front that takes bodies of at most 100,000 bytes."""
    users = standard_users("x" * 32)
    users["xpulse"] = replace(users["xpulse"], max_body_bytes=100_000)
    with running_clickhouse(tmp_path_factory.mktemp("small"), password="x" * 32, users=users) as server:
        yield embedded_target(server)


class TestRefusals:
    @pytest.mark.parametrize(
        "sql",
        [
            "SELECT 1 INTO OUTFILE '@FILE'",
            "SELECT 1 INTO/**/OUTFILE '@FILE' FORMAT CSV",
            "SELECT 1 INTO -- x\n OUTFILE '@FILE' TRUNCATE",
            "EXPLAIN SELECT 1 INTO OUTFILE '@FILE'",
            "INSERT INTO {table} FROM INFILE '/etc/passwd' FORMAT CSV",
            "INSERT INTO {table} FROM/**/INFILE '/etc/passwd'",
            "insert into {table} (a) from\ninfile '/etc/passwd' format LineAsString",
        ],
    )
    def test_files_by_the_client_side_of_the_engine(self, embedded: Target, tmp_path: Path, sql: str) -> None:
        table = embedded.table("a String")
        reply = embedded.writer.ask(sql.replace("{table}", table).replace("@FILE", str(tmp_path / "out")))
        assert reply.headers["X-ClickHouse-Exception-Code"] == "497", reply.text
        assert not (tmp_path / "out").exists()
        assert embedded.count(table) == 0

    @pytest.mark.parametrize(
        "sql",
        [
            "CREATE TABLE default.x (a Int32) ENGINE = Memory",
            "CREATE TABLE IF NOT EXISTS `default`.x (a Int32) ENGINE = Memory",
            "INSERT INTO default.x VALUES (1)",
            "INSERT INTO default.x FORMAT CSV\n1\n",
            "DROP TABLE default . x",
        ],
    )
    def test_the_database_that_overlays_the_file_system(self, embedded: Target, sql: str) -> None:
        reply = embedded.writer.ask(sql)
        assert reply.headers["X-ClickHouse-Exception-Code"] == "497", reply.text

    def test_no_request_runs_in_the_database_default(self, embedded: Target) -> None:
        assert embedded.writer.rows("SELECT currentDatabase()", database="default") == [["xpulse"]]
        assert embedded.writer.rows("SELECT currentDatabase()", database="") == [["xpulse"]]

    def test_a_column_default_is_not_a_database(self, embedded: Target) -> None:
        table = embedded.table("a Int32, b Int32 DEFAULT 7")
        embedded.writer.run(f"INSERT INTO {table} (a) VALUES (1)")
        assert embedded.writer.rows(f"SELECT b FROM {table}") == [["7"]]

    def test_words_of_an_interactive_client_are_not_commands(self, embedded: Target) -> None:
        for word in ("exit", "quit", "q", "\\q", "\\l", "help", "?? how many tables"):
            assert embedded.writer.ask(word).status_code >= 400
            assert embedded.writer.rows("SELECT 1") == [["1"]]

    @pytest.mark.parametrize("text", [b"SELECT '\0'", b"SELECT 1\0; SELECT 2", b"SELECT '\xff\xfe'", b"\xff", b"\0"])
    def test_bytes_that_are_no_text(self, embedded: Target, text: bytes) -> None:
        for account in (embedded.writer, embedded.reader):
            reply = account.ask(text)
            assert (reply.headers["X-ClickHouse-Exception-Code"], reply.status_code) == ("62", 400)
            escaped = "".join(f"%{byte:02x}" for byte in text)
            reply = httpx.get(f"{account.url}?query={escaped}", auth=(account.user, account.password))
            assert reply.status_code in (200, 400), reply.text  # a URL is decoded with U+FFFD for what is no UTF-8

    def test_a_query_id_that_does_not_fit_a_header_is_replaced(self, embedded: Target) -> None:
        for bad in ("a\r\nSet-Cookie: x", "ä", "x" * 2000, "\x00"):
            reply = embedded.reader.ask("SELECT 1", query_id=bad)
            assert reply.text == "1\n"
            assert len(reply.headers["X-ClickHouse-Query-Id"]) == 36

    def test_external_tables(self, embedded: Target) -> None:
        reply = httpx.post(
            embedded.writer.url,
            auth=(embedded.writer.user, embedded.writer.password),
            params={"query": "SELECT 1", "x_structure": "a Int32"},
            files={"x": ("x", b"1\n")},
        )
        assert (reply.headers["X-ClickHouse-Exception-Code"], reply.status_code) == ("48", 501)


class TestSize:
    def test_a_body_at_the_limit_passes(self, small: Target) -> None:
        sql = "SELECT length('" + "x" * 90_000 + "')"
        assert small.writer.rows(sql) == [["90000"]]

    def test_a_larger_body_is_refused(self, small: Target) -> None:
        reply = small.writer.ask("SELECT length('" + "x" * 200_000 + "')")
        assert (reply.headers["X-ClickHouse-Exception-Code"], reply.status_code) == ("229", 413)

    def test_a_body_that_unpacks_to_more_is_refused(self, small: Target) -> None:
        bomb = gzip.compress(b"SELECT 1" + b" " * 50_000_000)
        assert len(bomb) < 100_000
        reply = small.writer.ask(bomb, headers={"Content-Encoding": "gzip"})
        assert (reply.headers["X-ClickHouse-Exception-Code"], reply.status_code) == ("229", 413)
        assert small.writer.rows("SELECT 1") == [["1"]]

    def test_frames_that_unpack_to_more_are_refused(self, small: Target) -> None:
        import lz4.frame  # noqa: PLC0415

        bomb = lz4.frame.compress(b" " * 90_000) * 10
        reply = small.writer.ask(bomb, headers={"Content-Encoding": "lz4"})
        assert (reply.headers["X-ClickHouse-Exception-Code"], reply.status_code) == ("229", 413)

    def test_a_body_without_a_length_has_the_same_limit(self, small: Target) -> None:
        def chunks() -> Iterator[bytes]:
            yield b"SELECT 1"
            for _ in range(200):
                yield b" " * 1000

        account = small.writer
        reply = httpx.post(account.url, content=chunks(), auth=(account.user, account.password))
        assert (reply.headers["X-ClickHouse-Exception-Code"], reply.status_code) == ("229", 413)

    def test_a_reader_has_a_smaller_limit(self, embedded: Target) -> None:
        assert embedded.reader.ask("SELECT 1" + " " * 2_000_000).status_code == 413
        table = embedded.table("a String")
        assert embedded.writer.ask(f"INSERT INTO {table} FORMAT CSV\n" + "x" * 2_000_000).status_code == 200

    def test_nobody_uploads_without_a_password(self, small: Target) -> None:
        reply = httpx.post(small.writer.url, params={"user": "xpulse", "password": "no"}, content=b"x" * 99_999)
        assert reply.headers["X-ClickHouse-Exception-Code"] == "516"


class TestClientsThatLeave:
    def test_a_reading_statement_stops(self, embedded: Target) -> None:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                embedded.writer.url,
                auth=(embedded.writer.user, embedded.writer.password),
                params={"function_sleep_max_microseconds_per_block": "0"},
                content=SLOW,
                timeout=1.0,
            )
        wait_until(lambda: embedded.writer.rows(RUNNING) == [["0"]], "the statement's end", within_s=10)
        assert embedded.writer.rows("SELECT 1") == [["1"]]

    def test_leaving_does_not_stop_the_statements_of_others(self, embedded: Target) -> None:
        """Readers that leave at once, beside one that stays: sessions are shared, cancelling must hit its own only."""
        sql = "SELECT count() FROM numbers(2000000) WHERE NOT ignore(cityHash64(number))"
        leave = threading.Event()

        def come_and_go() -> None:
            address = (embedded.reader.host, embedded.reader.port)
            request = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(sql)}\r\n\r\n{sql}".encode()
            while not leave.is_set():
                with socket.create_connection(address) as connection:
                    connection.sendall(request)
                    leave.wait(0.01)

        with ThreadPoolExecutor(3) as pool:
            leaving = [pool.submit(come_and_go) for _ in range(3)]
            try:
                replies = [embedded.reader.ask(sql) for _ in range(60)]
            finally:
                leave.set()
            for done in leaving:
                done.result()
        served = [reply.text for reply in replies if reply.status_code != 503]
        assert served == ["2000000\n"] * len(served)
        assert len(served) > 30

    def test_an_upload_that_breaks_off_inserts_nothing(self, embedded: Target) -> None:
        table = embedded.table("a Int32")
        head = (
            f"POST /?query=INSERT+INTO+{table}+FORMAT+CSV&user={embedded.writer.user}"
            f"&password={embedded.writer.password} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
        )
        for _ in range(5):
            with socket.create_connection((embedded.writer.host, embedded.writer.port)) as connection:
                connection.sendall(head.encode() + b"1\n" * 100)
        chunked = head.replace("Content-Length: 1000", "Transfer-Encoding: chunked")
        with socket.create_connection((embedded.writer.host, embedded.writer.port)) as connection:
            connection.sendall(chunked.encode() + b"4\r\n1\n2\n\r\n")
        assert embedded.count(table) == 0

    def test_an_insert_whose_client_left_ends_whole(self, embedded: Target) -> None:
        table = embedded.table("a UInt64")
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                embedded.writer.url,
                auth=(embedded.writer.user, embedded.writer.password),
                params={"function_sleep_max_microseconds_per_block": "0", "max_block_size": "10"},
                content=f"INSERT INTO {table} SELECT number + sleepEachRow(0.02) FROM numbers(100)",
                timeout=0.5,
            )
        wait_until(lambda: embedded.count(table) == 100, "the insert's end", within_s=20)

    def test_garbage_on_the_port(self, embedded: Target) -> None:
        for garbage in (b"\x00\x01\x02", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01" + os.urandom(200), b"POST"):
            with socket.create_connection((embedded.writer.host, embedded.writer.port)) as connection:
                connection.sendall(garbage)
        assert embedded.writer.rows("SELECT 1") == [["1"]]


class TestLoad:
    def test_more_than_may_wait_are_refused_and_the_rest_is_served(self, tmp_path: Path) -> None:
        users = standard_users("x")
        tight = {**users, "default": replace(users["default"], threads=1, max_waiting=2)}
        with running_clickhouse(tmp_path / "b", users=tight) as server:
            reader = embedded_target(server).reader
            sql = "SELECT count() FROM numbers(100000000) WHERE NOT ignore(cityHash64(number))"
            with ThreadPoolExecutor(8) as pool:
                codes = [reply.status_code for reply in pool.map(lambda _: reader.ask(sql), range(8))]
        assert codes.count(503) >= 1
        assert codes.count(200) == 8 - codes.count(503) >= 3

    def test_readers_do_not_hold_up_the_writer(self, embedded: Target) -> None:
        """Eight readers at full speed; an insert of 1,000 rows took 0.13 s (median) on two busy cores."""
        table = embedded.table("a UInt64")
        view = table.replace("xpulse.", "xpulse_pub.")
        embedded.writer.run(f"CREATE VIEW {view} AS SELECT count() AS n, sum(cityHash64(a)) AS s FROM {table}")
        data = b"".join(b"%d\n" % i for i in range(1000))
        sql = f"SELECT n, s, (SELECT sum(cityHash64(number)) FROM numbers(3000000)) FROM {view}"
        stop = threading.Event()

        def read() -> int:
            count = 0
            while not stop.is_set():
                reply = embedded.reader.ask(sql)
                assert reply.status_code == 200, reply.text
                count += 1
            return count

        with ThreadPoolExecutor(8) as pool:
            readers = [pool.submit(read) for _ in range(8)]
            try:
                took = [
                    embedded.writer.ask(data, query=f"INSERT INTO {table} FORMAT CSV").elapsed.total_seconds()
                    for _ in range(40)
                ]
            finally:
                stop.set()
            assert all(reader.result() > 0 for reader in readers)
        assert sorted(took)[len(took) // 2] < 2.0, took
        assert max(took) < 15.0, took
        assert embedded.count(table) == 40_000


class TestProcess:
    def _command(self, folder: Path) -> list[str]:
        data, users = str(folder / "clickhouse"), str(folder / "users.json")
        return [
            sys.executable,
            "-m",
            "agents.local.clickhouse",
            "--port",
            str(free_port()),
            "--data",
            data,
            "--users",
            users,
        ]

    def test_a_second_process_on_the_folder_is_refused(self, clickhouse: ClickHouse) -> None:
        done = subprocess.run(
            self._command(clickhouse.data_dir.parent), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 2
        assert f"{clickhouse.data_dir}: cannot be opened; in use by another process?" in done.stderr

    def test_a_taken_port_is_named(self, clickhouse: ClickHouse, tmp_path: Path) -> None:
        write_users(tmp_path / "users.json", standard_users("x"))
        command = self._command(tmp_path)
        command[command.index("--port") + 1] = str(clickhouse.port)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert f"cannot listen on 127.0.0.1:{clickhouse.port}: " in done.stderr

    def test_users_open_to_others_are_refused(self, tmp_path: Path) -> None:
        users = tmp_path / "users.json"
        write_users(users, standard_users("x"))
        users.chmod(0o640)
        done = subprocess.run(self._command(tmp_path), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert f"{users}: readable by others; run: chmod 600" in done.stderr

    def test_the_password_is_nowhere_to_be_seen(self, clickhouse: ClickHouse) -> None:
        assert clickhouse.process is not None
        httpx.get(
            f"http://{clickhouse.host}:{clickhouse.port}/",
            params={"user": "xpulse", "password": clickhouse.password, "query": "x"},
        )
        proc = Path("/proc") / str(clickhouse.process.pid)
        seen = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
        for path in clickhouse.data_dir.parent.rglob("*"):
            if path.is_file() and path.stat().st_size < 1 << 20:
                seen += path.read_bytes()
        assert clickhouse.password.encode() not in seen

    def test_sigterm_ends_it_cleanly_with_statements_running(self, tmp_path: Path) -> None:
        with running_clickhouse(tmp_path) as server:
            writer = embedded_target(server).writer
            thread = threading.Thread(target=lambda: _ask_and_lose(server))
            thread.start()
            wait_until(lambda: writer.rows(RUNNING) == [["1"]], "the slow statement")
            assert server.process is not None
            server.process.terminate()
            assert server.process.wait(timeout=30) == 0
            thread.join()


def _ask_and_lose(server: ClickHouse) -> None:
    try:
        embedded_target(server).writer.ask(SLOW, function_sleep_max_microseconds_per_block="0")
    except httpx.HTTPError:
        return
