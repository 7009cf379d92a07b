"""Change detectors and the always-valid interval.

A new detector is one module and one line in `DETECTORS`; `tests/streams/detect/` runs the same checks over all of them.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from streams.detect.drift import DriftState, EDetector, Watched
from streams.detect.observation import Observation


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

__all__ = ["DETECTORS", "BuildDetector", "Detector"]
