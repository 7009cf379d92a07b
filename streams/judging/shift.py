"""Shifts of telemetry: it is worse than it usually is here, whether or not the promise is still kept.

The detector is `streams.detect.robust`, on the target's own windows, in parts of three hours so that its state is small
enough to be stored with each window. It looks for falls that fill most of 6 or 36 windows, and for a wider spread:
single windows and better levels are no news. A fall is worth telling from a quarter of the budget `1 - objective` on.

It is a model of the week before and no guarantee, so it is asked for a false alarm ten times rarer than those of the
target's drift detector, and never calls at night.
"""

from collections.abc import Iterable

import msgspec

from streams.detect.observation import Observation
from streams.detect.robust import RobustDetector, median
from streams.detect.series import SeriesState, SeriesTurn
from streams.events.judging import Target
from streams.scores import PPM
from streams.targets.indicators import INDICATORS

ASPECTS = ("fall 6", "fall 36", "spread")
HOURS = 3
"""Length of a remembered part of the day."""
RARER = 10.0
"""How much rarer its false alarms are asked to be than those of drift: it takes a tenth of the target's budget."""
WORTH = 0.25
"""Part of the budget `1 - objective` from which on a fall is worth telling."""
NARROW = 6
"""Windows of the narrowest aspect."""


class ShiftState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is remembered of a target's telemetry.

    Attributes:
        series: The detector's state; values are parts per million.
        beyond: Aspects that were beyond their limits at the last window.
        began_ms: End of the first window of the shift that was found last; 0 = none yet.
        turn: The detector's last turn; None before the first.
    """

    series: SeriesState
    beyond: tuple[str, ...] = ()
    began_ms: int = 0
    turn: SeriesTurn | None = None

    @property
    def is_shifted(self) -> bool:
        """Whether a shift was found and goes on."""
        return self.series.since_ms is not None and bool(self.beyond)

    @property
    def usual(self) -> float | None:
        """The usual share; None in the first part of the day."""
        return None if self.series.usual is None else self.series.usual / PPM

    @property
    def fall(self) -> float:
        """How far the share of the last windows lies below the usual one; negative above it, 0 without any."""
        recent = self.series.recent[-NARROW:]
        return -median(recent) / PPM if recent else 0.0


def shift_detector(target: Target, unit_ms: int) -> RobustDetector:
    """Return the detector of a target's shifts on windows of a length; milliseconds, at most three hours."""
    budget = 1.0 - INDICATORS[target.indicator].scale.share(target.objective)
    return RobustDetector(
        run_length=RARER * target.run_length, unit_ms=unit_ms, least=WORTH * budget * PPM, aspects=ASPECTS, hours=HOURS
    )


def shifted(
    state: ShiftState | None, target: Target, observations: Iterable[Observation], *, at_ms: int, unit_ms: int
) -> ShiftState | None:
    """Fold one window into the state; None for what people say, which has no windows.

    Args:
        state: After the window before; None = nothing was seen.
        target: The version in force.
        observations: The window's share, or nothing.
        at_ms: Its end; ms UTC, later than that of the window before.
        unit_ms: Its length; milliseconds.
    """
    if INDICATORS[target.indicator].reads != "windows":
        return None
    detector = shift_detector(target, unit_ms)
    before = state or ShiftState(series=detector.fresh())
    shares = [float(share_ppm) for observation in observations for share_ppm, _ in observation]
    if not shares:
        return before
    watched = detector.watch(before.series, shares, at_ms=at_ms)
    found, after = watched.detection, watched.state
    is_new = found is not None and found.turn == "drift"
    return ShiftState(
        series=after,
        beyond=detector.beyond(after),
        began_ms=at_ms - (_falling(after) - 1) * unit_ms if is_new else before.began_ms,
        turn=found.turn if found else before.turn,
    )


def _falling(state: SeriesState) -> int:
    """Return for how many windows the series has been below its usual level; 1 at least."""
    number = 0
    for deviation in reversed(state.recent):
        if deviation >= 0:
            break
        number += 1
    return max(1, number)
