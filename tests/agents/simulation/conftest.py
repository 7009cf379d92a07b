"""One small month in a warehouse of its own, for all tests of this folder."""

from contextlib import closing
from dataclasses import dataclass, replace

import pytest

from agents.settings import Settings
from agents.simulation.run import Destination, Done, simulate
from agents.warehouse import migrate
from agents.warehouse.client import Address, Warehouse
from streams.profile import STANDARD
from streams.simulate.month import DAY_S, Month
from streams.simulate.organisation import Size
from tests.agents.conftest import address_of
from tests.agents.local.services import ClickHouse

START_S = 1_780_012_800
SIZE = Size(
    countries=3, sites=4, business_units=3, services=2, applications=2, people=1_500, devices=500, shared_devices=20,
    skew=0.4,
)  # fmt: skip
MONTH = Month(
    tenant="acme", seed=7, end_s=START_S + 2 * DAY_S + 2 * 3600, days=3, answers_per_day=500, keys=120, size=SIZE,
    base_days=1,
)  # fmt: skip
KEY = b"k" * 32


@dataclass(frozen=True)
class World:
    """A month and where it lies."""

    done: Done
    destination: Destination
    said: list[str]

    @property
    def reader(self) -> Address:
        """The published views, as the user that writes: this database is not one that readers know."""
        address = self.destination.address
        return replace(address, database=migrate.public_of(address.database))


@pytest.fixture(scope="session")
def world(clickhouse: ClickHouse, tmp_path_factory: pytest.TempPathFactory) -> World:
    address = address_of(clickhouse, "month")
    with closing(Warehouse(replace(address, database="system"))) as system, system.lend() as client:
        assert list(migrate.apply(client, address.database))
        migrate.write_profile(client, address.database, STANDARD, now_ms=START_S * 1000)
    folder = tmp_path_factory.mktemp("directory")
    destination = Destination(address=address, profile=STANDARD, key=KEY, directory=folder)
    said: list[str] = []
    return World(simulate(MONTH, destination, Settings(), said.append), destination, said)
