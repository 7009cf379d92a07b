"""What the read-only user can and cannot do, against hostile statements.

A secret lies in a table of `xpulse`, in a file of this machine, and in a statement that the writer runs; no statement
of a reader may show it. Published views over the same table must still work.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agents.local.clickhouse.target import Account, Target, fresh_name
from tests.agents.local.services import wait_until

pytestmark = pytest.mark.integration

SECRET = "whale-and-petunias"


@dataclass(frozen=True)
class Vault:
    """Where the secret lies."""

    target: Target
    table: str  # without database
    view: str
    file: Path

    @property
    def reader(self) -> Account:
        return self.target.reader

    def fill(self, sql: str) -> str:
        return sql.replace("@TABLE", self.table).replace("@VIEW", self.view).replace("@FILE", str(self.file))


@pytest.fixture(scope="module")
def vault(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Vault:
    name, view = fresh_name(), fresh_name()
    writer = target.writer
    writer.run(f"CREATE TABLE xpulse.{name} (person String, country String) ENGINE = MergeTree ORDER BY country")
    writer.run(f"INSERT INTO xpulse.{name} VALUES ('{SECRET}', 'de'), ('somebody', 'de')")
    writer.run(f"CREATE VIEW xpulse_pub.{view} AS SELECT country, count() AS n FROM xpulse.{name} GROUP BY country")
    file = tmp_path_factory.mktemp("vault") / "secret.tsv"
    file.write_text(SECRET)
    return Vault(target, name, view, file)


def _refused(reply: httpx.Response) -> None:
    assert SECRET not in reply.text
    assert reply.status_code >= 400, reply.text
    assert reply.headers["X-ClickHouse-Exception-Code"]


READS = [
    "SELECT * FROM xpulse.@TABLE",
    "SELECT * FROM `xpulse`.`@TABLE`",
    'SELECT * FROM "xpulse"."@TABLE"',
    "SELECT * FROM “xpulse”.“@TABLE”",
    "SELECT * FROM xpulse/* innocent */./**/@TABLE",
    "SELECT * FROM xpulse -- innocent\n . @TABLE",
    "SELECT * FROM `xpul\\x73e`.@TABLE",
    "select * from\txpulse\n.\r\n@TABLE",
    "FROM xpulse.@TABLE SELECT *",
    "(SELECT * FROM xpulse.@TABLE)",
    "SELECT * FROM (SELECT * FROM (SELECT person FROM xpulse.@TABLE))",
    "WITH x AS (SELECT * FROM xpulse.@TABLE) SELECT * FROM x",
    "WITH (SELECT any(person) FROM xpulse.@TABLE) AS p SELECT p",
    "WITH RECURSIVE x AS (SELECT person FROM xpulse.@TABLE UNION ALL SELECT person FROM x WHERE 0) SELECT * FROM x",
    "SELECT (SELECT max(person) FROM xpulse.@TABLE)",
    "SELECT 1 WHERE 'x' NOT IN xpulse.@TABLE",
    "SELECT 1 WHERE 'x' NOT IN (SELECT person FROM xpulse.@TABLE)",
    "SELECT 1 WHERE EXISTS (SELECT person FROM xpulse.@TABLE)",
    "SELECT country FROM @VIEW UNION ALL SELECT person FROM xpulse.@TABLE",
    "SELECT country FROM @VIEW EXCEPT SELECT person FROM xpulse.@TABLE",
    "SELECT person FROM @VIEW JOIN xpulse.@TABLE USING country",
    "SELECT person FROM @VIEW, xpulse.@TABLE",
    "SELECT person FROM @VIEW ARRAY JOIN (SELECT groupArray(person) FROM xpulse.@TABLE) AS person",
    "SELECT * FROM view(SELECT * FROM xpulse.@TABLE)",
    "SELECT * FROM viewIfPermitted(SELECT person FROM xpulse.@TABLE ELSE null('person String'))",
    "SELECT * FROM merge('xpulse', '@TABLE')",
    "SELECT * FROM merge(REGEXP('.*'), '@TABLE')",
    "SELECT * FROM merge('@TABLE')",
    "SELECT * FROM remote('127.0.0.1', 'xpulse', '@TABLE')",
    "SELECT * FROM remote('localhost', xpulse.@TABLE)",
    "SELECT * FROM remoteSecure('127.0.0.1', xpulse, @TABLE)",
    "SELECT * FROM cluster('default', xpulse, @TABLE)",
    "SELECT * FROM clusterAllReplicas('default', 'xpulse', '@TABLE')",
    "SELECT * FROM loop(xpulse, @TABLE) LIMIT 2",
    "SELECT * FROM loop(xpulse.@TABLE) LIMIT 2",
    "SELECT * FROM mergeTreeIndex('xpulse', '@TABLE')",
    "SELECT * FROM mergeTreeProjection('xpulse', '@TABLE', 'p')",
    "SELECT * FROM mergeTreeAnalyzeIndexes('xpulse', '@TABLE')",
    "SELECT * FROM dictionary('xpulse.@TABLE')",
    "SELECT * FROM eval('SELECT person FROM xpulse.@TABLE')",
    "SELECT dictGet('xpulse.@TABLE', 'person', 'de')",
    "SELECT joinGet('xpulse.@TABLE', 'person', 'de')",
    "SELECT joinGet(xpulse.@TABLE, 'person', 'de')",
    "SELECT * FROM xpulse.@TABLE FINAL SAMPLE 1",
    "SELECT count() FROM xpulse.@TABLE",
    "SELECT * FROM {d:Identifier}.{t:Identifier}",
    "SELECT * FROM {whole:Identifier}",
    "DESCRIBE TABLE xpulse.@TABLE",
    "DESCRIBE (SELECT * FROM xpulse.@TABLE)",
    "SHOW CREATE TABLE xpulse.@TABLE",
    "SHOW COLUMNS FROM @TABLE FROM xpulse",
    "SHOW COLUMNS FROM xpulse.@TABLE",
    "SHOW INDEX FROM xpulse.@TABLE",
    "EXISTS TABLE xpulse.@TABLE",
    "CHECK TABLE xpulse.@TABLE",
    "WATCH xpulse.@TABLE",
    "EXPLAIN SELECT * FROM xpulse.@TABLE",
    "EXPLAIN ESTIMATE SELECT * FROM @VIEW",
    "EXPLAIN PLAN indexes = 1 SELECT * FROM @VIEW",
    "EXPLAIN PIPELINE SELECT * FROM @VIEW",
    "EXPLAIN QUERY TREE SELECT * FROM xpulse.@TABLE",
    "EXPLAIN TABLE OVERRIDE file('@FILE', 'TSV', 'a String') COLUMNS (a String)",
]


@pytest.mark.parametrize("sql", READS)
def test_restricted_tables_cannot_be_read(vault: Vault, sql: str) -> None:
    parameters: dict[str, Any] = {"param_d": "xpulse", "param_t": vault.table, "param_whole": f"xpulse.{vault.table}"}
    _refused(vault.reader.ask(vault.fill(sql), **parameters))


NOISE = st.sampled_from([" ", "\n", "\t", "/**/", "/* ' */", "/* ` */ ", "-- '\n", "# `\n", "\u00a0", "\f"])
QUOTE = st.sampled_from(["{}", "`{}`", '"{}"', "“{}”"])
SHELL = st.sampled_from(
    [
        "SELECT * FROM {}",
        "SELECT * FROM ({})",
        "WITH x AS ({}) SELECT * FROM x",
        "SELECT ({} LIMIT 1)",
        "SELECT 'x' IN ({})",
        "SELECT * FROM (SELECT 1) AS a, ({}) AS b",
        "SELECT 1 AS x UNION ALL {}",
        "SELECT * FROM view({})",
        "EXPLAIN SYNTAX {}",
        "SELECT * FROM numbers(1) WHERE EXISTS ({})",
        "SELECT groupArray(p) FROM (SELECT * FROM ({}) AS p)",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NOISE, min_size=4, max_size=4), QUOTE, QUOTE, st.lists(SHELL, max_size=3))
def test_no_noise_quoting_or_nesting_shows_the_secret(
    vault: Vault, noise: list[str], quote: str, other: str, shells: list[str]
) -> None:
    before, dot, after, end = noise
    name = before + quote.format("xpulse") + dot + "." + after + other.format(vault.table) + end
    sql = f"SELECT person FROM {name}"
    for shell in shells:
        sql = shell.format(sql) if "FROM {}" not in shell else shell.format(f"({sql})")
    assert SECRET not in vault.reader.ask(sql).text


@pytest.mark.parametrize("database", ["xpulse", "system", "information_schema", "no_such_database"])
def test_another_current_database_is_refused(vault: Vault, database: str) -> None:
    _refused(vault.reader.ask(f"SELECT * FROM {vault.table}", database=database))
    _refused(vault.reader.ask("SELECT * FROM processes", database=database))


SYSTEM = [
    "SELECT query FROM system.processes",
    "SELECT query FROM `system`.processes",
    "SELECT query FROM `syst\\x65m`.`proce\\x73ses`",
    "SELECT query FROM SYSTEM.processes",
    "SELECT query FROM system/**/.processes",
    "SELECT * FROM system.query_log",
    "SELECT * FROM system.user_query_log",
    "SELECT * FROM system.user_processes",
    "SELECT * FROM system.query_cache",
    "SELECT * FROM system.errors",
    "SELECT * FROM system.parts",
    "SELECT * FROM system.parts_columns",
    "SELECT * FROM system.detached_parts",
    "SELECT * FROM system.asynchronous_inserts",
    "SELECT * FROM system.mutations",
    "SELECT * FROM system.stack_trace",
    "SELECT * FROM system.server_settings",
    "SELECT * FROM system.users",
    "SELECT * FROM system.grants",
    "SELECT * FROM system.warnings",
    "SELECT * FROM system.statements",
    "SELECT * FROM system.session_query_ids",
    "SELECT * FROM merge('system', 'processes')",
    "SELECT * FROM merge('system', 'proc.*')",
    "SELECT * FROM loop(system, processes) LIMIT 1",
    "SELECT * FROM {d:Identifier}.{t:Identifier}",
    "SELECT 1 WHERE 1 IN (SELECT read_rows FROM system.processes)",
    "WITH system AS (SELECT 1) SELECT * FROM system",
    "SHOW PROCESSLIST",
    "SHOW USERS",
    "SHOW GRANTS",
    "SHOW ACCESS",
    "SHOW CLUSTERS",
    "SHOW TABLES FROM system",
]


@pytest.mark.parametrize("sql", SYSTEM)
def test_system_tables_with_other_peoples_statements_cannot_be_read(vault: Vault, sql: str) -> None:
    parameters: dict[str, Any] = {"param_d": "system", "param_t": "processes"}
    _refused(vault.reader.ask(vault.fill(sql), **parameters))


FILES = [
    "SELECT file('@FILE')",
    "SELECT FILE('@FILE')",
    "SELECT `file`('@FILE')",
    "SELECT file/**/('@FILE')",
    "SELECT f\u200bile('@FILE')",
    "SELECT file(a) FROM (SELECT '@FILE' AS a)",
    "SELECT * APPLY(file) FROM (SELECT '@FILE' AS a)",
    "SELECT * APPLY file FROM (SELECT '@FILE' AS a)",
    "SELECT COLUMNS('a') APPLY(`file`) FROM (SELECT '@FILE' AS a)",
    "SELECT * APPLY(x -> file(x)) FROM (SELECT '@FILE' AS a)",
    "SELECT arrayMap(x -> file(x), ['@FILE'])",
    "SELECT 1 ORDER BY file('@FILE')",
    "WITH file('@FILE') AS f SELECT f",
    "SELECT * FROM file('@FILE')",
    "SELECT * FROM file('@FILE', 'LineAsString')",
    "SELECT * FROM `file`('@FILE', 'TSV', 'a String')",
    "SELECT * FROM fileCluster('default', '@FILE', 'TSV', 'a String')",
    "SELECT * FROM default.`@FILE`",
    "SELECT * FROM `default`.`@FILE`",
    "SELECT * FROM `@FILE`",
    "SELECT * FROM filesystem('@FILE')",
    "SELECT * FROM sqlite('@FILE', 't')",
    "SELECT * FROM executable('cat @FILE', 'TSV', 'a String')",
    "SELECT * FROM python('@FILE')",
    "SELECT * FROM url('file://@FILE', 'TSV', 'a String')",
    "SELECT * FROM url('http://127.0.0.1:9/x', 'TSV', 'a String')",
    "SELECT * FROM s3('http://127.0.0.1:9/b/x', 'TSV', 'a String')",
    "SELECT * FROM gcs('http://127.0.0.1:9/b/x', 'TSV', 'a String')",
    "SELECT * FROM hdfs('hdfs://127.0.0.1:9/x', 'TSV', 'a String')",
    "SELECT * FROM mysql('127.0.0.1:9', 'd', 't', 'u', 'p')",
    "SELECT * FROM postgresql('127.0.0.1:9', 'd', 't', 'u', 'p')",
    "SELECT * FROM mongodb('127.0.0.1:9', 'd', 't', 'u', 'p', 'a String')",
    "SELECT * FROM redis('127.0.0.1:9', 'k', 'k String')",
    "SELECT * FROM iceberg('http://127.0.0.1:9/b')",
    "SELECT * FROM deltaLakeLocal('@FILE')",
    "SELECT * FROM icebergLocal('@FILE')",
    "SELECT * FROM odbc('DSN=x', 't')",
    "SELECT * FROM format(TSV, 'a String', (SELECT file('@FILE')))",
    "SELECT * FROM input('a String')",
    "SELECT aiGenerate('say @FILE')",
    "SELECT AIGenerate('say @FILE')",
    "SELECT 1 FORMAT Template SETTINGS format_template_row = '@FILE'",
]


@pytest.mark.parametrize("sql", FILES)
def test_files_and_other_machines_cannot_be_reached(vault: Vault, sql: str) -> None:
    _refused(vault.reader.ask(vault.fill(sql)))


WRITES = [
    "INSERT INTO xpulse.@TABLE VALUES ('x', 'y')",
    "INSERT INTO xpulse.@TABLE FORMAT CSV\nx,y",
    "INSERT INTO xpulse.@TABLE SELECT 'x', 'y'",
    "INSERT INTO xpulse.@TABLE FROM INFILE '@FILE' FORMAT TSV",
    "INSERT INTO FUNCTION file('@FILE.new', 'TSV', 'a String') VALUES ('x')",
    "/* SELECT */ INSERT INTO xpulse.@TABLE VALUES ('x', 'y')",
    "CREATE TABLE xpulse_pub.x (a Int32) ENGINE = Memory",
    "CREATE TEMPORARY TABLE x (a Int32)",
    "CREATE VIEW xpulse_pub.x AS SELECT 1",
    "CREATE DATABASE x",
    "CREATE FUNCTION f AS () -> 1",
    "CREATE DICTIONARY xpulse_pub.d (a UInt64) PRIMARY KEY a SOURCE(NULL()) LAYOUT(FLAT())",
    "ALTER TABLE xpulse.@TABLE DELETE WHERE 1",
    "DELETE FROM xpulse.@TABLE WHERE 1",
    "UPDATE xpulse.@TABLE SET person = '' WHERE 1",
    "TRUNCATE TABLE xpulse.@TABLE",
    "DROP TABLE xpulse.@TABLE",
    "DROP DATABASE xpulse",
    "RENAME TABLE xpulse.@TABLE TO xpulse_pub.x",
    "EXCHANGE TABLES xpulse.@TABLE AND xpulse_pub.@VIEW",
    "OPTIMIZE TABLE xpulse.@TABLE",
    "KILL QUERY WHERE 1",
    "SYSTEM SHUTDOWN",
    "SYSTEM FLUSH LOGS",
    "BACKUP DATABASE xpulse TO File('@FILE.zip')",
    "RESTORE DATABASE xpulse FROM File('@FILE.zip')",
    "GRANT ALL ON *.* TO default",
    "SET max_threads = 1",
    "SET readonly = 0",
    "SET ROLE DEFAULT",
    "SET ROLE writer",
    "SET ROLE ALL",
    "SET DEFAULT ROLE writer TO default",
    "EXECUTE AS xpulse SELECT 1",
    "USE xpulse",
    "BEGIN TRANSACTION",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS max_execution_time = 1000",
    "SELECT * FROM (SELECT 1 SETTINGS max_result_rows = 0)",
    "SELECT 1 INTO OUTFILE '@FILE.new'",
    "SELECT 1 INTO/**/OUTFILE '@FILE.new'",
    "SELECT 1 INTO\nOUTFILE '@FILE.new' FORMAT CSV",
    "SELECT 1 INTO OUTFILE '@FILE.new' AND STDOUT",
    "EXPLAIN AST SELECT 1 INTO OUTFILE '@FILE.new'",
    "EXPLAIN SYNTAX SELECT 1 INTO OUTFILE '@FILE.new'",
    "DESCRIBE (SELECT 1) INTO OUTFILE '@FILE.new'",
    "SHOW TABLES INTO OUTFILE '@FILE.new'",
    "SELECT 1; SET ROLE DEFAULT",
    "SELECT 1;;;DROP DATABASE xpulse",
    "EXPLAIN AST SELECT 1; DROP DATABASE xpulse",
]


@pytest.mark.parametrize("sql", WRITES)
def test_nothing_can_be_changed(vault: Vault, sql: str) -> None:
    _refused(vault.reader.ask(vault.fill(sql)))
    assert vault.target.count(f"xpulse.{vault.table}") == 2
    assert [path.name for path in vault.file.parent.iterdir()] == ["secret.tsv"]


@pytest.mark.parametrize(
    "setting",
    [
        {"readonly": "0"},
        {"readonly": "2"},
        {"role": "writer", "max_rows_to_read": "1"},
        {"max_rows_to_read": "1"},
        {"output_format_write_statistics": "1"},
        {"log_comment": "x"},
        {"format_schema": "/etc/passwd"},
        {"output_format_schema": "/tmp/schema"},
        {"default_view_definer": "default"},
        {"sql_security": "NONE"},
    ],
)
def test_settings_that_could_open_a_door_are_refused(vault: Vault, setting: dict[str, Any]) -> None:
    if not vault.target.is_embedded and "sql_security" in setting:
        pytest.skip("an unknown setting there")
    _refused(vault.reader.ask("SELECT 1", **setting))


class TestWhatWorks:
    def test_a_published_view_over_a_restricted_table(self, vault: Vault) -> None:
        assert vault.reader.rows(f"SELECT * FROM {vault.view}") == [["de", "2"]]
        assert vault.reader.rows(f"SELECT * FROM xpulse_pub.{vault.view}") == [["de", "2"]]

    def test_the_database_that_clients_name_when_nobody_chose(self, vault: Vault) -> None:
        if not vault.target.is_embedded:
            pytest.skip("a server has a database default")
        assert vault.reader.rows(f"SELECT n FROM {vault.view}", database="default") == [["2"]]

    @pytest.mark.parametrize(
        "sql",
        [
            "SELECT 'file system xpulse.secret INTO OUTFILE'",
            "SELECT country AS file_name, n AS url FROM @VIEW",
            "WITH x AS (SELECT * FROM @VIEW) SELECT country, sum(n) FROM x GROUP BY country ORDER BY country",
            "SELECT number FROM numbers(3)",
            "SELECT a.country, b.n FROM @VIEW AS a JOIN xpulse_pub.@VIEW AS b USING country",
            "SELECT format('{} of {}', country, toString(n)) FROM @VIEW",
            "SELECT quantile(0.5)(n), avg(n), formatDateTime(now(), '%F') FROM @VIEW",
            "SHOW TABLES",
            "SHOW TABLES FROM xpulse_pub LIKE '%'",
            "SHOW DATABASES",
            "SHOW CREATE VIEW @VIEW",
            "SHOW COLUMNS FROM @VIEW",
            "DESCRIBE @VIEW",
            "EXISTS xpulse_pub.@VIEW",
            "EXPLAIN AST SELECT 1",
            "EXPLAIN SYNTAX SELECT * FROM @VIEW",
            "SELECT name, value FROM system.settings LIMIT 1",
            "SELECT name FROM system.databases",
            "SELECT name, engine FROM system.tables WHERE database = 'xpulse_pub'",
            "SELECT name, type FROM system.columns WHERE table = '@VIEW'",
            "SELECT table_name FROM information_schema.tables",
            "SELECT column_name FROM INFORMATION_SCHEMA.COLUMNS LIMIT 1",
            "SELECT name FROM system.functions LIMIT 1",
            "SELECT timezone(), version(), currentUser()",
            "SELECT seriesOutliersDetectTukey(groupArray(toFloat64(n) + number)) FROM @VIEW, numbers(5) AS x",
            "WITH day AS (SELECT * FROM @VIEW), n AS (SELECT sum(n) AS n FROM day) SELECT day.n / n.n FROM day, n",
            "SELECT country, lagInFrame(n) OVER (ORDER BY country) AS before FROM @VIEW",
        ],
    )
    def test_what_dashboards_and_analysts_send(self, vault: Vault, sql: str) -> None:
        reply = vault.reader.ask(vault.fill(sql))
        assert reply.status_code == 200, reply.text

    def test_catalogues_show_published_things_only(self, vault: Vault) -> None:
        assert {row[0] for row in vault.reader.rows("SELECT DISTINCT database FROM system.tables")} <= {
            "xpulse_pub",
            "system",
            "information_schema",
            "INFORMATION_SCHEMA",
        }
        assert vault.reader.rows("SELECT count() FROM system.columns WHERE database = 'xpulse'") == [["0"]]
        assert ["xpulse"] not in vault.reader.rows("SHOW DATABASES")

    def test_parameters(self, vault: Vault) -> None:
        sql = f"SELECT n FROM {vault.view} WHERE country = {{c:String}}"
        assert vault.reader.rows(sql, param_c="de") == [["2"]]

    def test_a_name_as_parameter(self, vault: Vault) -> None:
        assert vault.reader.rows("SELECT n FROM {v:Identifier}", param_v=vault.view) == [["2"]]

    def test_its_own_error_is_the_servers(self, vault: Vault) -> None:
        reply = vault.reader.ask("SELECT FROM WHERE")
        assert (reply.status_code, reply.headers["X-ClickHouse-Exception-Code"]) == (400, "62")


class TestLimits:
    def test_time(self, vault: Vault) -> None:
        sql = "SELECT sum(cityHash64(number)) FROM numbers(1000000000000)"
        reply = vault.reader.ask(sql, max_execution_time="1")
        assert (reply.headers["X-ClickHouse-Exception-Code"], reply.status_code) == ("159", 408)

    def test_rows(self, vault: Vault) -> None:
        reply = vault.reader.ask("SELECT number FROM numbers(2000000)")
        assert reply.headers["X-ClickHouse-Exception-Code"] == "396"

    def test_limits_can_be_lowered_and_not_raised(self, vault: Vault) -> None:
        if not vault.target.is_embedded:
            pytest.skip("a server refuses instead of clamping")
        for wanted, expected in [("3", "3"), ("100000", "10"), ("0", "10"), ("-1", "10"), ("1e9", "10")]:
            assert vault.reader.rows("SELECT getSetting('max_execution_time')", max_execution_time=wanted) == [
                [expected]
            ]

    def test_statistics_do_not_count_rows_behind_views(self, vault: Vault) -> None:
        if not vault.target.is_embedded:
            pytest.skip("a server counts what a view reads; see the page on the embedded services")
        reply = vault.reader.ask(f"SELECT * FROM {vault.view} FORMAT JSON")
        assert "statistics" not in reply.json()
        assert '"read_rows": "0"' in reply.headers["X-ClickHouse-Summary"]


def test_a_reader_does_not_become_the_writer_by_a_session_left_behind(vault: Vault) -> None:
    for _ in range(10):
        vault.target.writer.run("SELECT 1")
        _refused(vault.reader.ask(f"SELECT * FROM xpulse.{vault.table}"))
        assert vault.reader.rows("SELECT currentRoles(), getSetting('readonly')") == [["['reads_xpulse_pub']", "1"]]


@pytest.fixture
def secret_statement(vault: Vault) -> Iterator[None]:
    """The writer runs a statement that holds the secret for as long as the test lasts."""
    sql = f"SELECT sleepEachRow(0.02), '{SECRET}' FROM numbers(500)"
    thread = threading.Thread(
        target=lambda: vault.target.writer.ask(sql, function_sleep_max_microseconds_per_block="0")
    )
    thread.start()
    running = "SELECT count() FROM system.processes WHERE query LIKE '%numbers(500)%' AND query NOT LIKE '%processes%'"
    wait_until(lambda: vault.target.writer.rows(running) == [["1"]], "the writer's statement")
    yield
    vault.target.writer.run("KILL QUERY WHERE query LIKE '%numbers(500)%' AND query NOT LIKE '%processes%' SYNC")
    thread.join()


@pytest.mark.usefixtures("secret_statement")
def test_the_writers_running_statement_is_not_shown(vault: Vault) -> None:
    assert SECRET in vault.target.writer.ask("SELECT query FROM system.processes").text
    for sql in (
        *SYSTEM,
        "SELECT * FROM system.tables",
        "SELECT * FROM system.settings",
        "SELECT * FROM system.functions",
    ):
        assert SECRET not in vault.reader.ask(sql, param_d="system", param_t="processes").text


def test_clickhouse_connect_as_reader(vault: Vault) -> None:
    client = clickhouse_connect.get_client(host=vault.reader.host, port=vault.reader.port)
    try:
        assert client.query(f"SELECT n FROM {vault.view}").result_rows == [(2,)]
    finally:
        client.close()
