"""A drift detector that latches: one alarm when it gets worse, one all-clear when it has recovered, then armed again.

    armed    --alarm of the falling e-detector-->    drifting   (both start again from zero)
    drifting --alarm of the mirrored e-detector-->   armed

At most one of the two happens per epoch; what the epoch still holds afterwards is left out of the other detector, which
starts with the next epoch. (Leaving out by a rule that only looks back keeps the guarantee.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from streams.detect.edetector import ZERO, Bets, Products, advance, evidence
from streams.detect.observation import Observation

Turn = Literal["drift", "recovery"]


class DriftState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that the detector remembers; JSON keeps it bit by bit.

    Attributes:
        falling: The M_j of the detector for a change to the worse.
        rising: The M_j of the mirrored one, which runs while drifting.
        since_ms: End of the epoch or window at which the drift was raised; None = armed.
    """

    falling: Products = ZERO
    rising: Products = ZERO
    since_ms: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Detection:
    """A supported change.

    Attributes:
        turn: Whether it got worse or has recovered.
        at_ms: End of the epoch or window in which it was found.
        since_ms: Where the episode began; equals `at_ms` for a drift.
        evidence: Mean of the M_j over its level; >= 1.
    """

    turn: Turn
    at_ms: int
    since_ms: int
    evidence: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """Result of one epoch: the state after it, the evidence of the detector that ran, and what it found."""

    state: DriftState
    evidence: float
    detection: Detection | None


@dataclass(frozen=True, kw_only=True, slots=True)
class EDetector:
    """Watches one target's mean share; lower is worse.

    Attributes:
        mean: The objective as a share; 0 < mean < 1.
        level: Observations to a false alarm, in the mean at least, while on target (answers / k for blocks).
        recovery_level: Observations to a false all-clear, in the mean at least, while not recovered.
    """

    mean: float
    level: float
    recovery_level: float
    name: str = "e-detector"
    worse: Literal["lower"] = "lower"

    def fresh(self) -> DriftState:
        """Return the state before anything was seen."""
        return DriftState()

    def watch(self, state: DriftState, observations: Sequence[Observation], *, at_ms: int) -> Watched:
        """Fold one epoch's observations, in order, into the state.

        Args:
            state: What `fresh` or the last `watch` returned.
            observations: Blocks in (epoch, block) order, or the epoch's window; empty ones count for nothing.
            at_ms: End of the epoch or window.
        """
        if state.since_ms is None:
            return self._watch_for_drift(state, observations, at_ms)
        return self._watch_for_recovery(state, state.since_ms, observations, at_ms)

    def _watch_for_drift(self, state: DriftState, observations: Sequence[Observation], at_ms: int) -> Watched:
        products, ratio = _run(state.falling, observations, Bets(mean=self.mean, worse="lower"), self.level)
        if ratio < 1.0:
            return Watched(state=DriftState(falling=products), evidence=ratio, detection=None)
        detection = Detection(turn="drift", at_ms=at_ms, since_ms=at_ms, evidence=ratio)
        return Watched(state=DriftState(since_ms=at_ms), evidence=ratio, detection=detection)

    def _watch_for_recovery(
        self, state: DriftState, since_ms: int, observations: Sequence[Observation], at_ms: int
    ) -> Watched:
        products, ratio = _run(state.rising, observations, Bets(mean=self.mean, worse="higher"), self.recovery_level)
        if ratio < 1.0:
            return Watched(state=DriftState(rising=products, since_ms=since_ms), evidence=ratio, detection=None)
        detection = Detection(turn="recovery", at_ms=at_ms, since_ms=since_ms, evidence=ratio)
        return Watched(state=DriftState(), evidence=ratio, detection=detection)


def _run(products: Products, observations: Sequence[Observation], bets: Bets, level: float) -> tuple[Products, float]:
    """Advance until the level is reached or the observations end; return the products and their mean over the level."""
    for observation in observations:
        if observation:
            products = advance(products, observation, bets)
            if evidence(products) >= level:
                break
    return products, evidence(products) / level
