"""Shared fixtures: one embedded broker and one embedded ClickHouse per test session, as real processes.

Tests that use them are marked `integration`. Each test takes names of its own (topics, tables), as the services are
shared.
"""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.agents.local.services import ClickHouse, running_broker, running_clickhouse

# A busy machine is no reason for a property to fail: how long one example takes is not what these tests are about.
settings.register_profile("any_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any_machine")


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """The session's embedded ClickHouse: `.host`, `.port`, `.user`, `.password`, `.data_dir`."""
    with running_clickhouse(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of the session's embedded broker."""
    with running_broker(tmp_path_factory.mktemp("broker")) as address:
        yield address
