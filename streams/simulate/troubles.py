"""Troubles of a working day beside those of the demo: silence, a flapping service, and changes that operators announce.

Times are seconds after the start, as in `streams.simulate.truths`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ChangeKind = Literal["deploy", "wave", "process"]


@dataclass(frozen=True, kw_only=True)
class Silence:
    """An application of which no device reports response times or crashes for a while."""

    application: str
    at_s: float
    until_s: float


@dataclass(frozen=True, kw_only=True)
class Flapping:
    """An application that is bad and well in turn.

    Attributes:
        bad_s, good_s: Length of each bad spell, and of the pause after it.
        times: Number of bad spells.
        good_ratio: Share of good time within a bad spell, 0 to 1.
    """

    application: str
    at_s: float
    bad_s: float
    good_s: float
    times: int
    good_ratio: float = 0.5

    def spells(self) -> list[tuple[float, float]]:
        """Return begin and end of each bad spell.

        Example:
            >>> Flapping(application="crm", at_s=0, bad_s=10, good_s=20, times=2).spells()
            [(0, 10), (30, 40)]
        """
        begins = [self.at_s + number * (self.bad_s + self.good_s) for number in range(self.times)]
        return [(begin, begin + self.bad_s) for begin in begins]

    @property
    def until_s(self) -> float:
        """When the last bad spell ends."""
        return self.spells()[-1][1]


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A change that operators announce; by itself it does nothing.

    Attributes:
        name: Ends the change's id.
        where: Dimension -> value; empty = everywhere.
    """

    name: str
    at_s: float
    kind: ChangeKind = "process"
    where: Mapping[str, str] = field(default_factory=dict)

    def change_id(self, tenant: str) -> str:
        """Return the id that the change is announced by."""
        return f"{tenant}/change/{self.name}"
