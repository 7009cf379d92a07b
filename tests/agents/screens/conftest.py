"""The sample of the screens in a database of its own on the session's embedded ClickHouse."""

import time
from collections.abc import Iterator

import pytest

from agents.cli.screens.asking import asking, fill
from agents.screens.check import Ask
from agents.warehouse.client import connect
from agents.warehouse.migrate import public_of
from tests.agents.local.services import ClickHouse

DATABASE = "screens"
NOW_MS = int(time.time()) * 1000


@pytest.fixture(scope="session")
def ask(clickhouse: ClickHouse) -> Iterator[Ask]:
    """Asks the published views that are made of the sample."""
    client = connect(clickhouse.host, clickhouse.port, clickhouse.user, clickhouse.password, "xpulse_pub")
    fill(client, DATABASE, now_ms=NOW_MS)
    yield asking(client, public_of(DATABASE))
    client.close()


@pytest.fixture(scope="session")
def now_s() -> int:
    """When the sample was taken; unix seconds."""
    return NOW_MS // 1000
