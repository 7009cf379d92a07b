"""Who is asked next: everybody in turn and nobody often."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence

from streams.simulate.organisation import Person


class Rota:
    """Draws people at random; who was drawn rests until two thirds of the others were.

    So the same person is never asked twice within 2/3 of a round, which keeps blocks of different people filling.
    """

    def __init__(self, people: Sequence[Person]) -> None:
        self._ready = list(people)
        self._resting: deque[Person] = deque()
        self._rest = 2 * len(people) // 3

    def next(self, rng: random.Random) -> Person:
        """Return the person to ask now."""
        ready = self._ready
        place = int(rng.random() * len(ready))
        ready[place], ready[-1] = ready[-1], ready[place]
        person = ready.pop()
        self._resting.append(person)
        if len(self._resting) > self._rest:
            ready.append(self._resting.popleft())
        return person
