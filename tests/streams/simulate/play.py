"""Runs a scenario for a while, for tests."""

from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile

from streams.simulate.agenda import Item
from streams.simulate.scenario import Scenario
from streams.simulate.timeline import timeline

START_MS = 1_764_000_001_234
"""Not aligned to anything."""


def play(scenario: Scenario, seed: int, seconds: float, *, start_ms: int = START_MS) -> list[Item]:
    """Everything that is sent within the first seconds."""
    end_ms = start_ms + round(seconds * 1000)
    return list(takewhile(lambda item: item.at_ms < end_ms, timeline(scenario, seed, start_ms)))


def of(items: Iterable[Item], path: str) -> list[Item]:
    """Those of one kind that are no repeats."""
    return [item for item in items if item.path == path and not item.is_repeat]


def answers(items: Iterable[Item]) -> list[Item]:
    """The first final revision of each answer."""
    first: dict[str, Item] = {}
    for item in of(items, "feedback"):
        if item.body["state"] == "final":
            first.setdefault(item.body["response_id"], item)
    return list(first.values())


def happiness(scores: Sequence[int]) -> float:
    """Promoters minus detractors, in percent."""
    return 100 * sum((score >= 9) - (score <= 6) for score in scores) / len(scores)


def share(items: Sequence[Item], test: Callable[[Item], bool]) -> float:
    """How many of the items pass; 0 to 1."""
    return sum(map(test, items)) / len(items)
