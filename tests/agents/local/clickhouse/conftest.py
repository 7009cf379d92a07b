"""The behaviour suite runs on the embedded ClickHouse and, where the environment names one, on a server."""

import pytest

from tests.agents.local.clickhouse.target import Account, Target, server_target
from tests.agents.local.services import ClickHouse

SERVER = server_target()


@pytest.fixture(scope="session", params=["embedded", "server"] if SERVER else ["embedded"])
def target(request: pytest.FixtureRequest) -> Target:
    """A ClickHouse: embedded, or the server that the environment names."""
    if request.param == "server":
        assert SERVER is not None
        return SERVER
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
