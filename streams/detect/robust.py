"""Changes of a telemetry series' level and spread, by medians and by what the series itself did in the week before.

Telemetry has no promise to bet against and no law: it leans on its past, spikes by habit, and follows the clock. So
nothing is assumed about its values. Each hour leaves its median and, for each aspect, the largest deviation in it:

    rises and falls    the median of the last 1, 6 and 36 windows, above or below the usual level
    spread             the median step from one window to the next, over the last 36

An aspect alarms beyond its limit, the larger of two, told from the hours of the last week:

    middle + (9th tenth - middle) * kappa     where a Gumbel tail puts one false alarm per run length
    2 * the second largest                    for heavier tails: what happened twice in a week is no news

The usual level is the median of the hours' medians, or of this hour of the week once that was seen three times. With
less than two days of hours the detector is collecting and says nothing.

It latches: drift, then either recovery (an hour without anything beyond a limit) or, after a day, settled: the new
level and spread are the usual ones from then on. An episode leaves one hour in the week, however long it was.

Instead of hours, parts of the day of several hours may be remembered, and only some of the aspects: then the state is
small enough to be stored with each window.

The run length is what the model says, not a guarantee: there is none for series whose law is unknown. Only sorting,
sums of two, products and comparisons are used: a replay gives the same bits on any machine.

References:
    Gumbel, "Statistics of Extremes", 1958: the law of the largest of many.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import ceil, log

import msgspec

from streams.detect.series import WEEK_HOURS, Hour, Peaks, SeriesDetection, SeriesState, SeriesTurn, SeriesWatched
from streams.errors import InvariantError

HOUR_MS = 3_600_000
LEAST_HOURS = 48
"""Hours of history before anything is said: each time of the day was then seen twice."""
SETTLED_HOURS = 24
LEAST_WEEKS = 3
"""Times that an hour of the week is seen before it has a level of its own."""
MOST_LEVELS = 60
"""Windows of an hour from which its median is told."""
WIDTHS = (1, 6, 36)
"""Windows whose median is compared."""
ASPECTS = (*(f"rise {width}" for width in WIDTHS), *(f"fall {width}" for width in WIDTHS), "spread")
AGAIN = 2.0
"""How many times the second largest deviation of the week a deviation must be."""
LARGEST = 1e100
"""Values are at most this far from zero, so that no difference or product of them overflows."""
WORTH = 0.01
"""Deviations below this part of the usual level are not worth telling."""

_GUMBEL_MIDDLE, _GUMBEL_STRETCH = 0.36651292058166435, 1.8838540244
"""Of the standard Gumbel law: its median, and the distance from there to its ninth tenth."""


@dataclass(frozen=True, kw_only=True)
class RobustDetector:
    """Watches one series of closed windows.

    Attributes:
        run_length: Windows to a false alarm that the model is asked for; at least an hour's.
        unit_ms: Length of a window; milliseconds, at most an hour.
        least: Smallest deviation worth telling, in the series' unit; >= 0.
        aspects: What is looked at, of `ASPECTS`.
        hours: Hours of a remembered part of the day; 1, 2, 3, 4, 6, 8, 12 or 24. "Hour" below means such a part.
    """

    run_length: float
    unit_ms: int
    least: float = 0.0
    aspects: tuple[str, ...] = ASPECTS
    hours: int = 1
    name: str = "robust"

    @cached_property
    def kappa(self) -> float:
        """Distances from the middle to the ninth tenth that a limit lies beyond the middle; three decimals, upwards."""
        hours = max(1.0, self.run_length * self.unit_ms / self.hour_ms)
        distances = (log(hours * len(self.aspects)) - _GUMBEL_MIDDLE) / _GUMBEL_STRETCH
        return ceil(1000 * max(1.0, distances) - 1e-6) / 1000

    @property
    def hour_ms(self) -> int:
        """Length of a remembered part; milliseconds."""
        return self.hours * HOUR_MS

    @property
    def week_hours(self) -> int:
        """Remembered parts of a week; count."""
        return WEEK_HOURS // self.hours

    @cached_property
    def places(self) -> tuple[int, ...]:
        """Where the aspects stand in `ASPECTS`."""
        return tuple(map(ASPECTS.index, self.aspects))

    def fresh(self) -> SeriesState:
        """Return the state before anything was seen."""
        return SeriesState(peaks=(0.0,) * len(self.aspects), weeks=((),) * self.week_hours)

    def beyond(self, state: SeriesState) -> tuple[str, ...]:
        """Return the aspects that are beyond their limits after the last window, in order; none while collecting."""
        flags = _beyond(self._deviations(state), state.limits)
        return tuple(name for name, is_beyond in zip(self.aspects, flags, strict=False) if is_beyond)

    def watch(self, state: SeriesState, values: Sequence[float], *, at_ms: int) -> SeriesWatched:
        """Fold one closed window into the state; at most one turn is found per window.

        Args:
            state: What `fresh` or the last `watch` returned.
            values: Finite values of the window in any order, of which the median counts; none = nothing happened.
            at_ms: End of the window; ms UTC, later than that of the window before.

        Raises:
            InvariantError: A value is no number within `LARGEST`, or the window lies before the running hour.
        """
        if not values:
            return SeriesWatched(state=state, detection=None)
        hour, level = (at_ms - 1) // self.hour_ms, median(values)
        if hour < state.hour or not all(abs(value) <= LARGEST for value in values):
            raise InvariantError(f"window {at_ms}: values must lie within {LARGEST:g} and windows come in time order")
        begun, ended = _in_hour(state, hour, at_ms, self)
        seen = self._seen(begun, level, at_ms)
        if begun.usual is None or begun.is_collecting:
            return SeriesWatched(state=seen, detection=ended)
        return self._judged(seen, ended, at_ms)

    def _deviations(self, state: SeriesState) -> Peaks:
        every = deviations(state.recent)
        return tuple(every[place] for place in self.places)

    @property
    def _stride(self) -> int:
        """Every how many windows one is kept for the median of the hour."""
        return max(1, self.hour_ms // self.unit_ms // MOST_LEVELS)

    def _seen(self, state: SeriesState, level: float, at_ms: int) -> SeriesState:
        """Return the state with a window's level added to the running hour."""
        if not state.levels or at_ms // self.unit_ms % self._stride == 0:
            state = msgspec.structs.replace(state, levels=(*state.levels, level))
        if state.usual is None:
            return state
        recent = (*state.recent, level - state.usual)[-WIDTHS[-1] :]
        state = msgspec.structs.replace(state, recent=recent)
        now = self._deviations(state)
        return msgspec.structs.replace(
            state,
            peaks=tuple(map(max, state.peaks, now)),
            is_quiet=state.is_quiet and not any(_beyond(now, state.limits)),
        )

    def _judged(self, state: SeriesState, ended: SeriesDetection | None, at_ms: int) -> SeriesWatched:
        """Return the state and the drift that begins with it, if one does."""
        now = self._deviations(state)
        if ended is not None or state.since_ms is not None or not any(_beyond(now, state.limits)):
            return SeriesWatched(state=state, detection=ended)
        aspect = max(range(len(now)), key=lambda place: _excess(now[place], state.limits[place]))
        found = SeriesDetection(
            turn="drift",
            at_ms=at_ms,
            since_ms=at_ms,
            aspect=self.aspects[aspect],
            deviation=now[aspect],
            limit=state.limits[aspect],
            usual=state.usual or 0.0,
        )
        return SeriesWatched(state=msgspec.structs.replace(state, since_ms=at_ms), detection=found)


def median(values: Sequence[float]) -> float:
    """Return the middle value, or half the sum of the two in the middle; at least one value."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else ordered[middle - 1] / 2 + ordered[middle] / 2


def deviations(recent: Sequence[float]) -> Peaks:
    """Return how far each aspect is from the usual; 0 where too little was seen.

    Args:
        recent: Deviations of the last windows, oldest first.
    """
    shifts = [median(recent[-width:]) if len(recent) >= width else 0.0 for width in WIDTHS]
    steps = [abs(after - before) for before, after in pairwise(recent)]
    spread = median(steps) if len(recent) >= WIDTHS[-1] else 0.0
    return (*(max(0.0, shift) for shift in shifts), *(max(0.0, -shift) for shift in shifts), spread)


def limit_of(peaks: Sequence[float], kappa: float, least: float) -> float:
    """Return the limit of one aspect.

    Args:
        peaks: Its largest deviation in each hour of the last week; at least two.
        kappa: `RobustDetector.kappa`.
        least: Smallest deviation worth telling.

    Example:
        >>> limit_of([1.0] * 8 + [2.0] * 2, 5.0, 0.0)
        6.0
    """
    ordered = sorted(peaks)
    middle, ninth = ordered[(len(ordered) - 1) // 2], ordered[(9 * len(ordered) - 1) // 10]
    return max(least, middle + (ninth - middle) * kappa, AGAIN * ordered[-2])


def _beyond(now: Peaks, limits: Peaks) -> list[bool]:
    return [deviation > limit for deviation, limit in zip(now, limits, strict=False)]


def _excess(deviation: float, limit: float) -> float:
    return deviation / limit if limit else (1e300 if deviation else 0.0)


def _in_hour(
    state: SeriesState, hour: int, at_ms: int, detector: RobustDetector
) -> tuple[SeriesState, SeriesDetection | None]:
    """Return the state in the hour of a window: a later hour closes the running one, which may end an episode."""
    if hour == state.hour:
        return state, None
    if state.hour < 0:
        return msgspec.structs.replace(state, hour=hour), None
    closed, turn = _closed(state, detector)
    found = turn and SeriesDetection(turn=turn, at_ms=at_ms, since_ms=state.since_ms or at_ms, usual=state.usual or 0.0)
    return _opened(closed, hour, detector), found or None


def _closed(state: SeriesState, detector: RobustDetector) -> tuple[SeriesState, SeriesTurn | None]:
    """Return the state with the running hour in its history, and how an open episode ends with it."""
    left = Hour(median(state.levels), state.peaks)
    if state.since_ms is None:
        return _remembered(state, left, detector.week_hours), None
    episode = (*state.episode, left)
    if state.is_quiet:
        worst = tuple(max(column) for column in zip(*(one.peaks for one in episode), strict=True))
        quiet = msgspec.structs.replace(state, since_ms=None, episode=())
        return _kept(quiet, Hour(_level(state), worst), detector.week_hours), "recovery"
    if len(episode) * detector.hours >= SETTLED_HOURS:
        return _rebased(state, episode), "settled"
    return msgspec.structs.replace(state, episode=episode), None


def _kept(state: SeriesState, left: Hour, week_hours: int) -> SeriesState:
    return msgspec.structs.replace(state, hours=(*state.hours, left)[-week_hours:])


def _remembered(state: SeriesState, left: Hour, week_hours: int) -> SeriesState:
    """Return the state with an ordinary hour in the last week and in its hour of the week."""
    weeks, place = list(state.weeks), state.hour % week_hours
    weeks[place] = (*weeks[place], left.level)[-LEAST_WEEKS:]
    return _kept(msgspec.structs.replace(state, weeks=tuple(weeks)), left, week_hours)


def _rebased(state: SeriesState, episode: Sequence[Hour]) -> SeriesState:
    """Return the state as if the week before had been at the level and spread of the episode."""
    shift = median([one.level for one in episode]) - _level(state)
    before, since = (median([one.peaks[-1] for one in hours]) for hours in (state.hours, episode))
    wider = max(1.0, since / before) if before else 1.0
    return msgspec.structs.replace(
        state,
        since_ms=None,
        episode=(),
        recent=(),
        hours=tuple(Hour(one.level + shift, tuple(wider * peak for peak in one.peaks)) for one in state.hours),
        weeks=tuple(tuple(level + shift for level in levels) for levels in state.weeks),
    )


def _level(state: SeriesState) -> float:
    return median([one.level for one in state.hours])


def _opened(state: SeriesState, hour: int, detector: RobustDetector) -> SeriesState:
    """Return the state at the beginning of an hour."""
    same = state.weeks[hour % detector.week_hours]
    usual = median(same) if len(same) == LEAST_WEEKS else _level(state)
    least = max(detector.least, WORTH * abs(usual))
    limits: Peaks = ()
    if len(state.hours) * detector.hours >= LEAST_HOURS:
        columns = zip(*(one.peaks for one in state.hours), strict=True)
        limits = tuple(limit_of(column, detector.kappa, least) for column in columns)
    none = (0.0,) * len(detector.aspects)
    return msgspec.structs.replace(state, hour=hour, levels=(), peaks=none, is_quiet=True, usual=usual, limits=limits)
