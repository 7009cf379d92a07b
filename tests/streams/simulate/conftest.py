import pytest

from streams.simulate.agenda import Item
from streams.simulate.organisation import Organisation
from streams.simulate.scenario import Scenario, demo
from tests.streams.simulate.play import play

SEED = 7


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    return demo("demo-1764000001")


@pytest.fixture(scope="session")
def organisation(scenario: Scenario) -> Organisation:
    return scenario.organisation(SEED)


@pytest.fixture(scope="session")
def demo_items(scenario: Scenario) -> list[Item]:
    """The first 90 seconds of a demo."""
    return play(scenario, SEED, 90)
