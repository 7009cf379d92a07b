"""Migrations: from empty, again, interrupted, changed, and newer than we are."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agents.warehouse import migrate
from agents.warehouse.client import Address, Client, Warehouse, WarehouseError, ask
from agents.warehouse.migrate import State, read_migrations, split
from streams.errors import ConfigError
from streams.profile import DEMO, STANDARD

VIEWS = {
    "feedback_released", "happiness", "telemetry", "telemetry_15m", "telemetry_1d", "targets", "verdicts",
    "target_status", "alerts", "changes", "data_quality", "sla", "watermelon", "feedback_details", "happiness_by_day",
    "lost_time_by_day", "alert_history", "deliveries", "response_rates",
    "target_versions",
}  # fmt: skip
PERIOD = "from = '2026-06-01', to = '2026-06-02'"
WINDOWS = f"grid = '15m', metric = 'm', {PERIOD}"
WITH_PARAMETERS = {
    "happiness_over": f"{PERIOD}, slice = map()",
    "happiness_by": f"{PERIOD}, by = ['country']",
    "lost_time_over": f"{PERIOD}, slice = map()",
    "lost_time_by": f"{PERIOD}, by = ['country']",
    "telemetry_over": f"{WINDOWS}, slice = map()",
    "telemetry_by": f"{WINDOWS}, by = ['country']",
}


@pytest.fixture
def system(bare: Address) -> Iterator[Client]:
    """A client of a server that has not heard of xpulse."""
    opened = Warehouse(replace(bare, database="system"))
    with opened.lend() as client:
        yield client
    opened.close()


def write(folder: Path, **files: str) -> list[migrate.Migration]:
    for name, text in files.items():
        (folder / f"{name.removeprefix('m')}.sql").write_text(text)
    return read_migrations(folder)


def states(client: Client, database: str, known: list[migrate.Migration]) -> list[State]:
    return [found.state for found in migrate.status(client, database, known)]


@pytest.mark.integration
def test_from_empty_and_again(system: Client, bare: Address) -> None:
    known = read_migrations()
    assert states(system, bare.database, known) == [State.PENDING] * len(known)
    assert list(migrate.apply(system, bare.database)) == known
    assert states(system, bare.database, known) == [State.APPLIED] * len(known)
    assert list(migrate.apply(system, bare.database)) == []


@pytest.mark.integration
def test_a_plan_changes_nothing(system: Client, bare: Address) -> None:
    assert migrate.plan(system, bare.database) == read_migrations()
    assert ask(system, "SELECT name FROM system.databases WHERE name = {name:String}", {"name": bare.database}) == []


@pytest.mark.integration
def test_all_statements_may_run_twice(system: Client, bare: Address) -> None:
    list(migrate.apply(system, bare.database))
    system.command(f"TRUNCATE TABLE {bare.database}.migrations")
    assert list(migrate.apply(system, bare.database)) == read_migrations()


@pytest.mark.integration
def test_a_failed_one_is_told_and_repaired_by_the_next_run(system: Client, bare: Address, tmp_path: Path) -> None:
    good = "CREATE TABLE IF NOT EXISTS ${database}.a (n UInt8) ENGINE = MergeTree ORDER BY n;\n"
    known = write(tmp_path, m0001_create_a=good, m0002_create_b=f"{good}SELECT nope;\n", m0003_create_c=good)
    with pytest.raises(WarehouseError, match="migration 0002_create_b: ClickHouse error 47"):
        list(migrate.apply(system, bare.database, known))
    assert states(system, bare.database, known) == [State.APPLIED, State.FAILED, State.PENDING]
    repaired = write(tmp_path, m0002_create_b=good)
    assert [m.name for m in migrate.apply(system, bare.database, repaired)] == ["create_b", "create_c"]
    assert states(system, bare.database, repaired) == [State.APPLIED] * 3


@pytest.mark.integration
def test_an_applied_one_must_not_change(system: Client, bare: Address, tmp_path: Path) -> None:
    list(migrate.apply(system, bare.database, write(tmp_path, m0001_select_one="SELECT 1;\n")))
    changed = write(tmp_path, m0001_select_one="SELECT 2;\n")
    with pytest.raises(ConfigError, match="0001_select_one was changed after it had been applied"):
        list(migrate.apply(system, bare.database, changed))


@pytest.mark.integration
def test_a_newer_warehouse_is_left_alone(system: Client, bare: Address, tmp_path: Path) -> None:
    both = write(tmp_path, m0001_select_one="SELECT 1;\n", m0002_select_two="SELECT 2;\n")
    list(migrate.apply(system, bare.database, both))
    with pytest.raises(ConfigError, match="migrated by a newer xpulse: 0002 is unknown here"):
        list(migrate.apply(system, bare.database, both[:1]))


@pytest.mark.integration
def test_every_view_and_every_column_of_it_is_explained(store: Warehouse) -> None:
    public = migrate.public_of(store.address.database)
    tables = store.ask("SELECT name, engine, comment FROM system.tables WHERE database = {d:String}", {"d": public})
    assert {name for name, _, _ in tables} == VIEWS | set(WITH_PARAMETERS)
    assert {engine for _, engine, _ in tables} == {"View"}
    assert [name for name, _, comment in tables if not comment] == []
    silent = "SELECT table, name FROM system.columns WHERE database = {d:String} AND comment = ''"
    assert store.ask(silent, {"d": public}) == []


@pytest.mark.integration
@pytest.mark.parametrize(("view", "parameters"), WITH_PARAMETERS.items())
def test_views_with_parameters_explain_their_columns_where_they_were_made(
    store: Warehouse, view: str, parameters: str
) -> None:
    public = migrate.public_of(store.address.database)
    columns = [row[0] for row in store.ask(f"DESCRIBE (SELECT * FROM {public}.{view}({parameters}))")]
    [(made,)] = store.ask(f"SHOW CREATE VIEW {public}.{view}")
    assert re.findall(r"`(\w+)` .* COMMENT '.", made.partition("DEFINER")[0]) == columns


@pytest.mark.integration
def test_views_answer_on_an_empty_warehouse(store: Warehouse) -> None:
    public = migrate.public_of(store.address.database)
    calls = [*VIEWS, *(f"{view}({parameters})" for view, parameters in WITH_PARAMETERS.items())]
    assert {call: store.ask(f"SELECT * FROM {public}.{call}") for call in calls} == {call: [] for call in calls}


@pytest.mark.integration
def test_the_newest_profile_is_in_force(store: Warehouse) -> None:
    current = "SELECT name, generation, window_s, grace_ms, epoch_ms, k FROM current_profile"
    with store.lend() as client:
        for now_ms, profile in enumerate([STANDARD, STANDARD, DEMO, DEMO], start=1_780_000_000_000):
            migrate.write_profile(client, store.address.database, profile, now_ms=now_ms)
    assert store.ask(current) == [("demo", 101, 5, 2_000, 5_000, 5)]
    assert store.ask("SELECT count() FROM profile") == [(2,)]


def test_the_shipped_files_are_numbered_without_a_hole() -> None:
    assert [m.number for m in read_migrations()] == list(range(1, len(read_migrations()) + 1))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["0001_create.sql"], "NNNN_verb_noun.sql"),
        (["create_a.sql"], "NNNN_verb_noun.sql"),
        (["0001_create_a.sql", "0003_create_c.sql"], "0002 is missing or there twice"),
        (["0001_create_a.sql", "0001_create_b.sql"], "0002 is missing or there twice"),
    ],
)
def test_misnamed_files_are_refused(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;\n")
    with pytest.raises(ConfigError, match=message):
        read_migrations(tmp_path)


def test_statements_end_at_the_end_of_a_line_only() -> None:
    assert split("-- a;\nSELECT 'x; y';\n\n  -- b\nSELECT 2\n  , 3;") == ["SELECT 'x; y'", "SELECT 2\n  , 3"]
    assert split("-- nothing;\n") == []
