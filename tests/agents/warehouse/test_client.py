"""The door to ClickHouse: acknowledged means counted, and errors say what happened."""

from contextlib import closing
from dataclasses import replace

import pytest

from agents.warehouse import native
from agents.warehouse.client import Address, Warehouse, WarehouseError, ask, connect, insert_rows

pytestmark = pytest.mark.integration

COLUMNS = ("topic", "incarnation", "partition", "offset", "recorded_at", "reason", "raw")
ROW = ("t", "00112233-4455-6677-8899-aabbccddeeff", 1, 2, 1_780_000_000_123, "why", b"\xff\x00")


def test_rows_read_back_with_times_to_the_millisecond(store: Warehouse) -> None:
    store.insert_rows("quarantine", COLUMNS, [ROW])
    found = store.ask(
        "SELECT * REPLACE (toUnixTimestamp64Milli(recorded_at) AS recorded_at, hex(raw) AS raw) FROM quarantine"
    )
    assert [(row[0], str(row[1]), *row[2:]) for row in found] == [(*ROW[:6], "FF00")]


def test_no_rows_are_no_question(migrated: Address) -> None:
    nowhere = Warehouse(replace(migrated, port=1))
    nowhere.insert_rows("quarantine", COLUMNS, [])


def test_a_miscounted_block_is_not_acknowledged(store: Warehouse) -> None:
    block = native.encode_block([("offset", "UInt64", native.numbers("UInt64", [1, 2]))], 2)
    with pytest.raises(WarehouseError, match="3 rows sent, 2 acknowledged") as caught:
        store.insert_native("quarantine", block, 3)
    assert caught.value.is_retryable


def test_nobody_there_is_retryable_and_says_so(migrated: Address) -> None:
    with pytest.raises(WarehouseError, match=r"no answer from ClickHouse: .*refused") as caught:
        Warehouse(replace(migrated, port=1)).ask("SELECT 1")
    assert (caught.value.is_retryable, caught.value.code) == (True, None)


def test_a_wrong_password_is_not_retryable(migrated: Address) -> None:
    with pytest.raises(WarehouseError, match=r"ClickHouse error 516: .*Authentication failed") as caught:
        Warehouse(replace(migrated, password="guess")).ask("SELECT 1")
    assert not caught.value.is_retryable


def test_the_servers_words_come_without_the_drivers_frame(store: Warehouse) -> None:
    with pytest.raises(WarehouseError) as caught:
        store.ask("SELECT nope")
    assert str(caught.value).startswith("ClickHouse error 47: Unknown expression identifier `nope`")
    assert "http" not in str(caught.value)
    assert (caught.value.code, caught.value.is_retryable) == (47, False)


def test_what_cannot_be_encoded_is_not_sent(store: Warehouse) -> None:
    with pytest.raises(WarehouseError, match=r"not sent to ClickHouse: ValueError$"):
        store.insert_rows("quarantine", ("partition",), [("a secret",)])
    assert store.ask("SELECT count() FROM quarantine") == [(0,)]


def test_after_an_error_the_connection_is_a_new_one(store: Warehouse) -> None:
    with store.lend() as before:
        pass
    with pytest.raises(WarehouseError):
        store.command("SELECT nope")
    with store.lend() as after:
        assert after is not before
        assert ask(after, "SELECT 1") == [(1,)]


def test_types_are_asked_again_after_a_table_changed(store: Warehouse) -> None:
    store.command("CREATE OR REPLACE TABLE changing (a UInt8) ENGINE = MergeTree ORDER BY a")
    store.insert_rows("changing", ("a",), [(1,)])
    store.command("CREATE OR REPLACE TABLE changing (a String) ENGINE = MergeTree ORDER BY a")
    with pytest.raises(WarehouseError):
        store.insert_rows("changing", ("a",), [("text",)])
    store.insert_rows("changing", ("a",), [("text",)])
    assert store.ask("SELECT a FROM changing") == [("text",)]
    store.command("DROP TABLE changing")


def test_a_password_is_not_shown(migrated: Address) -> None:
    assert migrated.password
    assert migrated.password not in repr(migrated)


def test_the_plain_client_works_like_any_other(migrated: Address, store: Warehouse) -> None:
    a = migrated
    with closing(connect(a.host, a.port, a.user, a.password, a.database)) as client:
        insert_rows(client, "quarantine", COLUMNS, [ROW, (*ROW[:3], 9, *ROW[4:])])
        assert ask(client, "SELECT count() FROM quarantine WHERE reason = {why:String}", {"why": "why"}) == [(2,)]
