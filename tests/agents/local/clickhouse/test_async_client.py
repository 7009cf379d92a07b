"""The asynchronous clickhouse-connect client, as the agents use it."""

import asyncio

import clickhouse_connect
import pytest

from tests.agents.local.clickhouse.target import Account, Target

pytestmark = pytest.mark.integration


async def _insert_and_count(account: Account, table: str, batches: int) -> int:
    client = await clickhouse_connect.get_async_client(
        host=account.host,
        port=account.port,
        username=account.user,
        password=account.password,
        database=account.database,
        query_retries=0,
        autogenerate_session_id=False,
    )
    try:
        inserts = [client.insert(table, [[n, i] for i in range(100)], column_names=["n", "i"]) for n in range(batches)]
        summaries = await asyncio.gather(*inserts)
        assert [summary.written_rows for summary in summaries] == [100] * batches
        return int((await client.query(f"SELECT count() FROM {table}")).result_rows[0][0])
    finally:
        await client.close()


def test_concurrent_inserts_of_one_client(target: Target) -> None:
    table = target.table("n UInt32, i UInt32")
    assert asyncio.run(_insert_and_count(target.writer, table, 20)) == 2000
    assert target.writer.rows(f"SELECT uniqExact(n, i) FROM {table}") == [["2000"]]
