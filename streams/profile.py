"""The time scales of one installation: windows, tiles, epochs, waits. Two profiles ship: `standard` and `demo`."""

from collections.abc import Mapping
from dataclasses import dataclass

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, kw_only=True)
class Level:
    """One level of the release rule: how long an answer waits and which dimensions its block keeps.

    Attributes:
        wait_ms: Age from which answers are released at this level; 0 = at once.
        keep: Sets of dimensions that the members of a block share.
    """

    wait_ms: int
    keep: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Everything that the demo compresses, in one place.

    Attributes:
        generation: Changes when the fold's meaning changes (tile size included).
        tile_size: Offsets per tile (C); 1 to 65,536.
        horizon: Tiles in which a repeated event id is recognised (D); >= 1.
        window_ms: Base window of telemetry; milliseconds, a multiple of 1,000.
        grace_ms: How long after its end a window accepts events.
        max_keys: Distinct keys per tile before the rest is folded as `__other__`.
        epoch_ms: Release epoch of feedback.
        hold_ms: How long a final answer is held before release.
        k: Different people per block; >= 3.
        levels: Release levels, finest first.
        bundle_people: Different people per bundle of blocks, whose details are published; more than k.
        bundle_levels: Levels of bundles: how long a block waits for company, and what it keeps meanwhile.
        cohort_ms: Length of a cohort of invitations, whose response rate is published.
        deadline_ms: How long an invitation may be answered to count as answered.
        flush_ms: Longest wait before changed rows are written.
        judge_ms: Pause between two rounds of judging.
        period_ms: Length of a sealed period of telemetry: a multiple of the window that divides a day.
    """

    name: str
    generation: int
    tile_size: int
    horizon: int
    window_ms: int
    grace_ms: int
    max_keys: int
    epoch_ms: int
    hold_ms: int
    k: int
    levels: tuple[Level, ...]
    bundle_people: int
    bundle_levels: tuple[Level, ...]
    cohort_ms: int
    deadline_ms: int
    flush_ms: int
    judge_ms: int
    period_ms: int


def _levels(first_ms: int, second_ms: int, third_ms: int) -> tuple[Level, ...]:
    return (
        Level(wait_ms=0, keep=(("country", "service", "channel"),)),
        Level(wait_ms=first_ms, keep=(("country", "service"),)),
        Level(wait_ms=second_ms, keep=(("country",),)),
        Level(wait_ms=third_ms, keep=((),)),
    )


STANDARD = Profile(
    name="standard",
    generation=1,
    tile_size=16_384,
    horizon=2,
    window_ms=MINUTE_MS,
    grace_ms=5 * MINUTE_MS,
    max_keys=5_000,
    epoch_ms=10 * MINUTE_MS,
    hold_ms=15 * MINUTE_MS,
    k=5,
    levels=_levels(DAY_MS, 2 * DAY_MS, 3 * DAY_MS),
    bundle_people=20,
    bundle_levels=_levels(2 * DAY_MS, 4 * DAY_MS, 6 * DAY_MS),
    cohort_ms=DAY_MS,
    deadline_ms=7 * DAY_MS,
    flush_ms=1_000,
    judge_ms=2_000,
    period_ms=DAY_MS,
)
DEMO = Profile(
    name="demo",
    generation=101,
    tile_size=512,
    horizon=2,
    window_ms=5_000,
    grace_ms=2_000,
    max_keys=5_000,
    epoch_ms=5_000,
    hold_ms=2_000,
    k=5,
    levels=_levels(10_000, 20_000, 30_000),
    bundle_people=20,
    bundle_levels=_levels(20_000, 40_000, 60_000),
    cohort_ms=10_000,
    deadline_ms=10_000,
    flush_ms=500,
    judge_ms=250,
    period_ms=MINUTE_MS,
)
PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in (STANDARD, DEMO)}
