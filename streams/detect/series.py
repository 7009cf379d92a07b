"""What a detector of telemetry series remembers, and what it says."""

from dataclasses import dataclass
from typing import Literal

import msgspec

WEEK_HOURS = 168

Peaks = tuple[float, ...]
"""Largest deviation of each aspect, in the order of the detector's aspects; >= 0."""
SeriesTurn = Literal["drift", "recovery", "settled"]


class Hour(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What an hour leaves.

    Attributes:
        level: Median of its windows.
        peaks: Its largest deviations.
    """

    level: float
    peaks: Peaks


class SeriesState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is remembered of one series; JSON keeps it bit by bit.

    Attributes:
        hour: The running hour (or longer part of the day) since 1970; -1 = nothing was seen.
        levels: Its windows so far; of many, evenly chosen ones.
        peaks: Its largest deviations so far.
        is_quiet: Whether nothing in it was beyond a limit.
        recent: Deviations of the last windows from what was usual then.
        hours: The last week, oldest first; an episode is one of them.
        weeks: For each hour of the week its last levels.
        usual: The usual level in the running hour; None in the first hour.
        limits: Per aspect; empty = collecting.
        since_ms: End of the window in which a drift was found; None = none is open.
        episode: What the hours of an open drift left.
    """

    hour: int = -1
    levels: tuple[float, ...] = ()
    peaks: Peaks = ()
    is_quiet: bool = True
    recent: tuple[float, ...] = ()
    hours: tuple[Hour, ...] = ()
    weeks: tuple[tuple[float, ...], ...] = ((),) * WEEK_HOURS
    usual: float | None = None
    limits: Peaks = ()
    since_ms: int | None = None
    episode: tuple[Hour, ...] = ()

    @property
    def is_collecting(self) -> bool:
        """Whether there is too little history to say anything."""
        return not self.limits


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesDetection:
    """A change, or its end.

    Attributes:
        turn: "drift", "recovery" (it is as before) or "settled" (it is the usual level from now on).
        at_ms: End of the window in which it was found.
        since_ms: Where the episode began; equals `at_ms` for a drift.
        aspect: What was farthest beyond its limit; "" for an end.
        deviation: By how much, in the series' unit; with `limit`. 0 for an end.
        usual: The usual level then.
    """

    turn: SeriesTurn
    at_ms: int
    since_ms: int
    aspect: str = ""
    deviation: float = 0.0
    limit: float = 0.0
    usual: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesWatched:
    """Result of one window: the state after it, and what was found."""

    state: SeriesState
    detection: SeriesDetection | None
