"""The behaviour suite runs on the embedded ClickHouse and, where the environment names one, on a server."""

import pytest

from tests.agents.local.clickhouse.target import READER_URL, WRITER_URL, Account, Target, server_target
from tests.agents.local.services import ClickHouse


@pytest.fixture(scope="session", params=["embedded", "server"])
def target(request: pytest.FixtureRequest) -> Target:
    """A ClickHouse: embedded, or a server."""
    if request.param == "server":
        server = server_target()
        if server is None:
            pytest.skip(f"no ClickHouse server: {WRITER_URL} and {READER_URL} are not set")
        return server
    return embedded_target(request.getfixturevalue("clickhouse"))


def embedded_target(clickhouse: ClickHouse) -> Target:
    """Return the accounts of an embedded ClickHouse."""
    writer = Account(clickhouse.host, clickhouse.port, clickhouse.user, clickhouse.password, "xpulse")
    reader = Account(clickhouse.host, clickhouse.port, "default", "", "xpulse_pub")
    return Target(writer, reader, is_embedded=True)


@pytest.fixture(scope="session")
def embedded(clickhouse: ClickHouse) -> Target:
    """The embedded ClickHouse, for what only it promises."""
    return embedded_target(clickhouse)
