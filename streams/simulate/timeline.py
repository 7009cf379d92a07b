"""The whole simulation as one stream in time order."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from operator import attrgetter

from streams.simulate.agenda import Item
from streams.simulate.changes import changes
from streams.simulate.feedback import feedback
from streams.simulate.opinions import Opinions
from streams.simulate.scenario import Scenario
from streams.simulate.telemetry import telemetry
from streams.simulate.tickets import tickets
from streams.simulate.truths import Burst, after


def timeline(scenario: Scenario, seed: int, start_ms: int) -> Iterator[Item]:
    """Yield everything that senders post, by `at_ms`, for ever.

    Generated as it is consumed: memory holds what is under way (late readings, open tickets), not the past.

    Args:
        scenario: See `streams.simulate.scenario.demo`.
        seed: The same seed, scenario and start give the same stream; `scenario.organisation(seed)` is where it happens.
        start_ms: Nothing is sent before; ms UTC.
    """
    organisation = scenario.organisation(seed)
    opinions = Opinions(scenario, organisation, _generator(scenario.world_seed(seed), "opinions"), start_ms)
    sources = (
        telemetry(scenario, organisation, _generator(seed, "telemetry"), start_ms),
        feedback(scenario, organisation, opinions, _generator(seed, "feedback"), start_ms),
        tickets(scenario, organisation, _generator(seed, "tickets"), start_ms),
        changes(scenario, organisation, _generator(seed, "changes"), start_ms),
    )
    return with_bursts(merge(*sources, key=attrgetter("at_ms")), scenario.bursts, start_ms)


def _generator(seed: int, source: str) -> random.Random:
    """Each source has its own generator, so that changing one leaves the others as they were."""
    return random.Random(f"{seed}/{source}")


def with_bursts(items: Iterable[Item], bursts: Sequence[Burst], start_ms: int) -> Iterator[Item]:
    """Yield the items and, at each burst, the last ones once more.

    Args:
        items: In time order.
        bursts: When, and how many items.
        start_ms: What their times count from; ms UTC.
    """
    waiting = deque(sorted(bursts, key=attrgetter("at_s")))
    recent: deque[Item] = deque(maxlen=max((burst.size for burst in bursts), default=0))
    for item in items:
        while waiting and item.at_ms >= after(start_ms, waiting[0].at_s):
            burst = waiting.popleft()
            at_ms = after(start_ms, burst.at_s)
            yield from (old._replace(at_ms=at_ms, is_repeat=True) for old in list(recent)[-burst.size :])
        if waiting:
            recent.append(item)
        yield item
