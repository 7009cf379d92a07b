"""Closed doors: each role tries everything that the engine has, and sees its own scope of what is published.

Norway is in the scope of one role; what is written of Sweden carries a mark, and so does what is not published at all.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from agents.local.clickhouse import guard
from agents.local.clickhouse.users import role_users, standard_users
from agents.roles.scopes import PRUNED_BY
from agents.roles.table import FILE, Scope, read_roles
from agents.warehouse import migrate
from agents.warehouse.client import Address, Warehouse
from agents.warehouse.scopes import apply_scopes, plan_scopes, shipped_views
from streams.profile import STANDARD
from tests.agents.local.clickhouse import test_reader
from tests.agents.local.clickhouse.target import Account
from tests.agents.local.services import ClickHouse, running_clickhouse

pytestmark = pytest.mark.integration

DAY_S = 1_780_272_000  # 2026-06-01
DAY_MS = 1000 * DAY_S
MARK, NUMBER = "hidden", 424_242
TABLE = read_roles(FILE)
PERIOD = "from = '2026-05-31', to = '2026-06-03'"
ARGUMENTS = {
    "from": "'2026-05-31'",
    "to": "'2026-06-03'",
    "by": "['country', 'service']",
    "grid": "'15m'",
    "metric": "'m'",
}


@dataclass(frozen=True)
class House:
    """A warehouse with something to hide, and the accounts of all readers."""

    server: ClickHouse
    store: Warehouse

    def reader(self, user: str) -> Account:
        database = TABLE.database_of(TABLE.users[user], "xpulse_pub") if user in TABLE.users else "xpulse_pub"
        return Account(self.server.host, self.server.port, user, "", database)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    users = standard_users("swordfish") | role_users(TABLE)
    with running_clickhouse(tmp_path_factory.mktemp("roles"), password="swordfish", users=users) as server:
        address = Address(host=server.host, port=server.port, user="xpulse", password="swordfish", database="system")
        opened = Warehouse(address)
        with opened.lend() as client:
            list(migrate.apply(client, "xpulse"))
            assert [made.database for made in apply_scopes(client, "xpulse", TABLE)] == [
                "xpulse_pub_manager_no",
                "xpulse_pub_owner_mail",
            ]
            assert plan_scopes(client, "xpulse", TABLE) == []
        fill(opened)
        with opened.lend() as client:
            migrate.write_profile(client, "xpulse", STANDARD, now_ms=1)
        yield House(server, opened)
        opened.close()


def write(store: Warehouse, table: str, *rows: Mapping[str, object]) -> None:
    store.insert_rows(f"xpulse.{table}", tuple(rows[0]), [list(row.values()) for row in rows])


def fill(store: Warehouse) -> None:
    """Write rows of Norway and mail, and marked ones of elsewhere, side by side."""
    both = [("NO", "mail", 7), (MARK, MARK, NUMBER)]
    common = {"tenant": "t", "epoch": DAY_MS, "run": "r"}
    places = [({"country": country, "service": service}, number) for country, service, number in both]
    write(
        store, "release_blocks", *({**common, **at, "block": at["country"], "n": n, "promoters": n} for at, n in places)
    )
    write(store, "release_bundles", *({**common, **at, "bundle": at["country"], "n": n, "lost_n": n, "lost_sums": [n],
                                       "scores": [n]} for at, n in places))  # fmt: skip
    for table in ("release_marks", "release_bundle_marks"):
        write(store, table, common)
    write(store, "tickets", *({"tenant": "t", "ticket_id": f"{at['country']}{person}", "version": 1, "kind": "closed",
                               "made_sla": 1, "person": f"p{person}", "log_time": DAY_MS, **at}
                              for at, _ in places for person in range(9)))  # fmt: skip
    windows = [{"tenant": "t", "metric": "m", "generation": STANDARD.generation, **at, "window_s": 60, "n": n, "sum": n,
                "min": 1000 * n, "max": 1000 * n, "devices": list(range(9)), "hist_bucket": [n], "hist_count": [n]}
               for at, n in places]  # fmt: skip
    for table in ("sealed_60s", "sealed_15m", "sealed_1d"):
        write(store, table, *({**row, "period_start": DAY_S, "window_start": DAY_S, "seal": 1} for row in windows))
    write(store, "seals", {"profile": STANDARD.name, "period_s": 86_400, "period_start": DAY_S,
                           "generation": STANDARD.generation, "seal": 1})  # fmt: skip
    write(
        store,
        "tile_audit",
        {"generation": STANDARD.generation, "partitions": 1, "hi": 1, "arrival": DAY_MS + 172_800_000},
    )
    write(store, "records_progress", {"partitions": 1, "hi": 1, "arrival": DAY_MS + 172_800_000})
    body = '{"purpose": "p", "slice": {"country": "%s", "service": "%s"}, "indicator": "happiness", "objective": 1}'
    for at, n in places:
        name = at["country"]
        write(store, "targets", {"tenant": "t", "target": name, "version": 1, "state": "active", "valid_from": DAY_MS,
                                 "body": body % (name, at["service"])})  # fmt: skip
        write(store, "verdicts", {"tenant": "t", "target": name, "version": 1, "at": DAY_MS, "n": n})
        write(store, "alerts", {"tenant": "t", "alert_id": name, "target": name, "slice": at, "n": n, "at": DAY_MS})
        write(store, "deliveries", {"tenant": "t", "alert_id": name, "notifier": "log", "at": DAY_MS})
        write(store, "changes", {"tenant": "t", "change_id": name, "version": 1, "event_time": DAY_MS, **at})


NO_RIGHT = ("497", "60")  # denied, or said not to be there
READERS = {TABLE.database_of(role, "xpulse_pub"): user for user, role in TABLE.users.items()}  # one of each database


def call(view: str, parameters: Mapping[str, str], places: str = "map()") -> str:
    """Return how a public view is read."""
    given = ", ".join(f"{name} = {ARGUMENTS.get(name, places)}" for name in parameters)
    return f"{view}({given})" if given else view


def refused(reply: httpx.Response, *codes: str) -> None:
    """Assert that a statement was refused for want of rights, and tells nothing."""
    assert MARK not in reply.text
    assert reply.status_code >= 400, reply.text[:300]
    assert reply.headers["X-ClickHouse-Exception-Code"] in codes, reply.text[:300]


@pytest.mark.parametrize("user", READERS.values())
def test_of_all_relations_a_role_reads_its_own_and_the_catalogues(house: House, user: str) -> None:
    reader = house.reader(user)
    relations = house.store.ask("SELECT database, name FROM system.tables WHERE database != '' ORDER BY ALL")
    assert {database for database, _ in relations} >= {"xpulse", "xpulse_pub", "system", "INFORMATION_SCHEMA"}
    opened = set()
    with httpx.Client(auth=(user, ""), verify=False) as http:
        for database, name in relations:
            if database == reader.database:
                continue  # its own
            reply = http.post(reader.url, content=f"SELECT * FROM `{database}`.`{name}` LIMIT 1")
            if reply.status_code == 200:
                opened.add((database, name))
            else:
                assert reply.headers["X-ClickHouse-Exception-Code"] in NO_RIGHT, (database, name, reply.text[:300])
    assert {database for database, _ in opened} <= {"system", "information_schema", "INFORMATION_SCHEMA"}
    assert not any(word in name for _, name in opened for word in ("log", "process", "part", "query", "user", "grant"))


def test_all_functions_that_are_not_let_through_are_refused(house: House) -> None:
    functions = house.store.ask(
        "SELECT name, coalesce(nullIf(alias_to, ''), name) FROM system.functions WHERE NOT is_aggregate"
    )
    told = {"Dictionary", "Embedded Dictionary", "AI", "Introspection", "Machine Learning", "Internal"}
    groups = dict(house.store.ask("SELECT lower(name), categories FROM system.functions"))
    closed = [name for name, base in functions if groups[base.lower()] in told and name != "_CAST"]
    closed += ["file", "FQDN", "hostName", "getMacro", "getServerSetting", "hasColumnInTable", "joinGet", "tcpPort",
               "sleep", "serverUUID", "blockSize", "rowNumberInAllBlocks", "runningDifference", "globalVariable",
               "getClientHTTPHeader", "transactionID", "showCertificate", "zookeeperSessionUptime"]  # fmt: skip
    reader = house.reader("analyst")
    with httpx.Client(auth=("analyst", ""), verify=False) as http:
        for name in closed:
            refused(http.post(reader.url, content=f"SELECT `{name}`('x')"), "497")
    assert len(closed) > 80


def test_all_table_functions_but_harmless_ones_are_refused(house: House) -> None:
    reader = house.reader("analyst")
    names = [name for (name,) in house.store.ask("SELECT name FROM system.table_functions")]
    open_ones = set()
    with httpx.Client(auth=("analyst", ""), verify=False) as http:
        for name in names:
            reply = http.post(reader.url, content=f"SELECT * FROM `{name}`('1') LIMIT 1")
            if reply.headers.get("X-ClickHouse-Exception-Code") not in ("497", "62"):  # refused, or no statement
                open_ones.add(name)
    assert {"file", "url", "s3", "remote", "merge", "cluster", "executable", "view", "loop"} <= set(names)
    assert {name.lower() for name in open_ones} <= guard._TABLE_FUNCTIONS | {"view", "viewifpermitted"}


HOSTILE = [*test_reader.READS, *test_reader.SYSTEM, *test_reader.FILES, *test_reader.WRITES]


def test_no_hostile_statement_gets_a_scoped_role_further(house: House, tmp_path: Path) -> None:
    """Those that every reader is tried with, against the views of everybody, which it may not read."""
    reader, secret = house.reader("manager_no"), tmp_path / "secret"
    secret.write_text(MARK)
    for sql in HOSTILE:
        text = sql.replace("@FILE", str(secret)).replace("@TABLE", "feedback_released")
        text = text.replace("@VIEW", "feedback_released").replace("xpulse.", "xpulse_pub.")
        reply = reader.ask(text, param_d="xpulse_pub", param_t="feedback_released", param_whole="xpulse_pub.sla")
        assert reply.status_code >= 400 or reply.text == "", (text, reply.text[:200])
        assert MARK not in reply.text
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("database", ["xpulse", "xpulse_pub", "xpulse_pub_owner_mail", "system", "information_schema"])
def test_another_database_by_http_is_refused(house: House, database: str) -> None:
    reader = house.reader("manager_no")
    for reply in (
        reader.ask("SELECT * FROM happiness", database=database),
        reader.ask("SELECT * FROM happiness", database="", headers={"X-ClickHouse-Database": database}),
        reader.ask(f"SELECT * FROM {database}.happiness"),
        reader.ask("SELECT * FROM {d:Identifier}.happiness", param_d=database),
        reader.ask(f"SELECT * FROM happiness AS h JOIN {database}.happiness AS o USING epoch"),
        reader.ask(f"WITH happiness AS (SELECT * FROM {database}.happiness) SELECT * FROM happiness"),
        reader.ask(f"DESCRIBE {database}.happiness"),
        reader.ask(f"SHOW CREATE VIEW {database}.happiness"),
        reader.ask(f"SHOW TABLES FROM {database}") if database.startswith("xpulse") else reader.ask("SHOW USERS"),
        reader.ask("SET ROLE `reads_xpulse_pub`"),
        reader.ask("SELECT 1; SELECT * FROM xpulse_pub.happiness"),
    ):
        text = reply.text if reply.status_code == 200 else ""
        assert text == "", text[:200]
        assert MARK not in reply.text


NOT_ASKED = {"data_quality", "response_rates", "telemetry", "telemetry_15m", "telemetry_over"}
"""Of no place, or as telemetry_1d and telemetry_by."""


@pytest.mark.parametrize(
    ("user", "seen"),
    [
        ("manager_no", {view.name for view in shipped_views()} - NOT_ASKED),
        ("owner_mail", {"feedback_released", "telemetry_1d", "alerts", "verdicts", "sla", "happiness_over"}),
    ],
)
def test_a_scoped_role_sees_its_rows_and_no_error_tells_of_others(house: House, user: str, seen: set[str]) -> None:
    reader, scope = house.reader(user), TABLE.roles[TABLE.users[user]].scope
    for view in (view for view in shipped_views() if view.name in seen):
        source = call(view.name, view.parameters, _places(scope))
        asked = [_is_marked(name, rest) for name, rest in view.columns.items() if name not in PRUNED_BY]
        shown = reader.ask(
            f"SELECT * FROM {source} WHERE {' AND '.join(f'throwIf(ifNull({one}, 0)) = 0' for one in asked)}"
        )
        assert shown.status_code == 200, (view.name, shown.text[:300])
        assert MARK not in shown.text
        if view.name not in ("watermelon", "deliveries") and not view.name.endswith("_by_day"):
            assert shown.text, view.name


def _places(scope: Scope) -> str:
    places = {"country": scope.countries, "service": scope.services}
    return "map(" + ", ".join(f"'{name}', '{values[0]}'" for name, values in places.items() if values) + ")"


def _is_marked(column: str, rest: str) -> str:
    kind = rest.partition(" COMMENT")[0]
    mark = f"'{MARK}'" if "String" in kind else str(NUMBER)
    if kind.startswith("Array(Map"):
        return f"length({column}) = {NUMBER}"
    if kind.startswith("Array"):
        return f"has({column}, {mark})"
    if kind.startswith("Map"):
        return f"has(mapValues({column}), {mark if 'UInt' not in kind else NUMBER})"
    return f"toUnixTimestamp({column}) = {NUMBER}" if "DateTime" in kind else f"{column} = {mark}"


def test_the_same_condition_does_tell_a_role_that_may_see_it(house: House) -> None:
    reply = house.reader("analyst").ask(f"SELECT count() FROM telemetry WHERE throwIf(country = '{MARK}') = 0")
    assert reply.headers["X-ClickHouse-Exception-Code"] == "395"


def test_a_scope_asked_for_another_slice_answers_nothing(house: House) -> None:
    reader = house.reader("manager_no")
    for places in ("map()", f"map('country', '{MARK}')", "map('service', 'mail')"):
        assert reader.rows(f"SELECT * FROM happiness_over({PERIOD}, slice = {places})") == []
    assert reader.rows(f"SELECT slice, n FROM happiness_by({PERIOD}, by = ['service'])") == []
    assert reader.rows(f"SELECT n FROM happiness_by({PERIOD}, by = ['country'])") == [["7"]]


def test_limits_of_a_role(house: House) -> None:
    wall = house.reader("wall")
    known = "SELECT " + ", ".join(
        f"toString(getSetting('{name}'))"
        for name in (
            "max_execution_time",
            "max_memory_usage",
            "max_rows_to_read",
            "max_result_rows",
            "max_result_bytes",
            "readonly",
        )
    )
    limits = TABLE.roles["wall"].limits
    expected = [limits.time_s, limits.memory_mb << 20, limits.read_rows, limits.result_rows, limits.result_mb << 20, 1]
    assert wall.rows(known) == [[str(value) for value in expected]]
    for sql, code in (
        (f"SELECT number FROM numbers({limits.result_rows + 100_000})", "396"),
        ("SELECT count() FROM numbers(1000000000)", "158"),
        ("SELECT length(groupArray(toString(number))) FROM numbers(100000000)", "241"),
        ("SELECT repeat('x', 200000) FROM numbers(400)", "396"),
    ):
        refused(wall.ask(sql), code)


def test_planning_has_limits_too(house: House) -> None:
    steps = ", ".join(f"t{n} AS (SELECT * FROM t{n - 1} a, t{n - 1} b)" for n in range(1, 9))
    refused(house.reader("wall").ask(f"WITH t0 AS (SELECT * FROM sla), {steps} SELECT count() FROM t8"), "162")
    twice = ", ".join(f"x -> f{n - 1}(f{n - 1}(x)) AS f{n}" for n in range(1, 16))
    refused(house.reader("wall").ask(f"WITH x -> x + 1 AS f0, {twice} SELECT f15(number) FROM numbers(1)"), "162")


def test_who_asks_may_be_told_in_three_ways_and_a_role_takes_no_other_password(house: House) -> None:
    url = house.reader("wall").url
    basic = base64.b64encode(b"manager_no:").decode()
    with httpx.Client(verify=False) as http:
        for headers, query in (
            ({"Authorization": f"Basic {basic}"}, {}),
            ({"X-ClickHouse-User": "manager_no"}, {}),
            ({}, {"user": "manager_no"}),
        ):
            reply = http.post(url, headers=headers, params=query, content="SELECT currentDatabase()")
            assert reply.text == "xpulse_pub_manager_no\n"
        assert http.post(url, params={"user": "manager_no", "password": "x"}, content="SELECT 1").status_code == 403
        assert http.post(url, params={"user": "nobody"}, content="SELECT 1").status_code == 403
