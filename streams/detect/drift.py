"""A drift detector that latches: one alarm when it gets worse, one all-clear when it has recovered, then armed again.

    armed    --alarm of the falling e-detector-->    drifting   (both start again from zero)
    drifting --alarm of the mirrored e-detector-->   armed

At most one of the two happens per epoch; what the epoch still holds afterwards is left out of the other detector, which
starts with the next epoch. (Leaving out by a rule that only looks back keeps the guarantee.)

Beside the evidence it keeps the figures since the change probably began (the last time that a bet against the target
had won nothing): they say how bad it is now, and have no part in the alarm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from streams.detect.edetector import ZERO, Bets, Products, advance, evidence, multiplied
from streams.detect.observation import Observation, moments_of
from streams.scores import Moments

Turn = Literal["drift", "recovery"]
ONSET_STAKE = 0.2


class Onset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was seen since a change probably began.

    Attributes:
        height: What one bet has won since then; > 1 while there is something to tell, else 0.
        since_ms: End of the first epoch or window of it; 0 = nothing to tell.
        n: Answers or windows; with `total` and `squares` their moments.
    """

    height: float = 0.0
    since_ms: int = 0
    n: int = 0
    total: int = 0
    squares: int = 0

    @property
    def moments(self) -> Moments:
        """The sums as a value that adds up."""
        return Moments(n=self.n, total=self.total, squares=self.squares)

    def after(self, observation: Observation, bets: Bets, at_ms: int) -> "Onset":
        """Return the onset after one more observation; starts again where the bet has won nothing."""
        height = multiplied(max(1.0, self.height), observation, ONSET_STAKE, bets)
        if height <= 1.0:
            return Onset()
        sums = self.moments + moments_of(observation)
        since_ms = self.since_ms or at_ms
        return Onset(height=height, since_ms=since_ms, n=sums.n, total=sums.total, squares=sums.squares)


class DriftState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that the detector remembers; JSON keeps it bit by bit.

    Attributes:
        products: The M_j of the detector that runs: for the worse while armed, mirrored while drifting.
        onset: Figures since the change it looks for probably began.
        since_ms: End of the epoch or window at which the drift was raised; None = armed.
    """

    products: Products = ZERO
    onset: Onset = Onset()
    since_ms: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Detection:
    """A supported change.

    Attributes:
        turn: Whether it got worse or has recovered.
        at_ms: End of the epoch or window in which it was found.
        since_ms: Where the episode began; equals `at_ms` for a drift.
        evidence: Mean of the M_j over its level; >= 1.
        onset: Figures since the change probably began.
    """

    turn: Turn
    at_ms: int
    since_ms: int
    evidence: float
    onset: Onset


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
        is_armed = state.since_ms is None
        level = self.level if is_armed else self.recovery_level
        bets = Bets(mean=self.mean, worse="lower" if is_armed else "higher")
        after = _run(state, observations, bets, level, at_ms)
        ratio = evidence(after.products) / level
        if ratio < 1.0:
            return Watched(state=after, evidence=ratio, detection=None)
        return _turned(after, ratio, at_ms)


def _run(state: DriftState, observations: Sequence[Observation], bets: Bets, level: float, at_ms: int) -> DriftState:
    """Advance until the level is reached or the observations end."""
    products, onset = state.products, state.onset
    for observation in observations:
        if observation:
            products, onset = advance(products, observation, bets), onset.after(observation, bets, at_ms)
            if evidence(products) >= level:
                break
    return DriftState(products=products, onset=onset, since_ms=state.since_ms)


def _turned(state: DriftState, ratio: float, at_ms: int) -> Watched:
    """Return the other side of the latch, from zero."""
    turn: Turn = "drift" if state.since_ms is None else "recovery"
    since_ms = at_ms if state.since_ms is None else state.since_ms
    detection = Detection(turn=turn, at_ms=at_ms, since_ms=since_ms, evidence=ratio, onset=state.onset)
    after = DriftState(since_ms=at_ms) if turn == "drift" else DriftState()
    return Watched(state=after, evidence=ratio, detection=detection)
