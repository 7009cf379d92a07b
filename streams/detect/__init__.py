"""Change detectors and the always-valid interval.

A new detector is one module and one line in `DETECTORS`; `tests/streams/detect/` runs the same checks over all of them.
Those in `DETECTORS` bet against a promised mean share; those in `SERIES_DETECTORS` have no promise and learn what is
usual.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from streams.detect.drift import DriftState, EDetector, Watched
from streams.detect.observation import Observation
from streams.detect.robust import RobustDetector
from streams.detect.series import SeriesState, SeriesWatched


class Detector(Protocol):
    """What judging asks of a detector. Callers may not assume anything about the state but that JSON keeps it."""

    @property
    def name(self) -> str:
        """Name in alerts and keys."""
        ...

    @property
    def worse(self) -> Literal["lower", "higher"]:
        """Direction of share that is bad."""
        ...

    def fresh(self) -> DriftState:
        """Return the state before anything was seen."""
        ...

    def watch(self, state: DriftState, observations: Sequence[Observation], *, at_ms: int) -> Watched:
        """Fold one epoch's observations, in order, into the state."""
        ...


class BuildDetector(Protocol):
    """Makes a detector for an objective and its two run lengths."""

    def __call__(self, *, mean: float, level: float, recovery_level: float) -> Detector:
        """Return the detector; `mean` is a share in (0, 1), the levels are numbers of observations."""
        ...


DETECTORS: Mapping[str, BuildDetector] = {"e-detector": EDetector}
"""Detector name (as in alerts) -> how to build it."""


class SeriesDetector(Protocol):
    """Watches the level and spread of one series of closed windows, whatever their unit."""

    @property
    def name(self) -> str:
        """Name in alerts and keys."""
        ...

    def fresh(self) -> SeriesState:
        """Return the state before anything was seen."""
        ...

    def watch(self, state: SeriesState, values: Sequence[float], *, at_ms: int) -> SeriesWatched:
        """Fold one window's values, in any order, into the state."""
        ...


class BuildSeriesDetector(Protocol):
    """Makes a detector for windows of `unit_ms` and a run length in windows."""

    def __call__(self, *, run_length: float, unit_ms: int) -> SeriesDetector:
        """Return the detector."""
        ...


SERIES_DETECTORS: Mapping[str, BuildSeriesDetector] = {"robust": RobustDetector}
"""Detector name -> how to build it."""

__all__ = ["DETECTORS", "SERIES_DETECTORS", "BuildDetector", "BuildSeriesDetector", "Detector", "SeriesDetector"]
