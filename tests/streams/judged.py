"""Targets and steps for tests of judging."""

from collections.abc import Mapping

import msgspec

from streams.detect.observation import block_of, window_of
from streams.events.judging import Target
from streams.judging.verdicts import Judged, JudgeState, Ruler, Step, judge_epoch
from streams.scores import Counts

EPOCH_MS = 600_000
START_MS = 1_772_323_200_000  # 2026-03-01 00:00 UTC
BLOCKS = Ruler(unit_ms=EPOCH_MS, per_observation=5)
WINDOWS = Ruler(unit_ms=60_000, per_observation=1)

HAPPY = Target(
    tenant="acme",
    target="happiness-by-country/country=NO",
    version=1,
    state="active",
    valid_from_ms=START_MS,
    recorded_at_ms=START_MS,
    author="test",
    reason="first",
    purpose="People should like what they get.",
    owner="desk",
    indicator="happiness",
    metric="",
    slice={"country": "NO"},
    objective=60.0,
    period="month",
    window_s=7 * 86_400,
    min_respondents=30,
    run_length=10_950.0,
    recovery_length=900.0,
    severity="warning",
    runbook="docs/runbooks/happiness-drift.md",
)
GOOD = msgspec.structs.replace(
    HAPPY,
    target="good-time/application=Mail",
    indicator="good_time",
    metric="app.response_time",
    slice={"application": "Mail"},
    objective=95.0,
    window_s=3_600,
    min_respondents=10,
    run_length=2_000.0,
    recovery_length=200.0,
)


def blocks(number: int, *counts: Counts, scope_n: int = 0, named_n: int = 0) -> Step:
    """Return epoch `number` after the start (1, 2, …) with one block per counts."""
    return Step(
        at_ms=START_MS + number * EPOCH_MS,
        observations=tuple(block_of(one) for one in counts),
        scope_n=scope_n,
        named_n=named_n,
    )


def window(number: int, good_ms: int, attempted_ms: int = 1_000) -> Step:
    """Return window `number` after the start (1, 2, …)."""
    seen = window_of(good_ms, attempted_ms)
    return Step(at_ms=START_MS + number * 60_000, observations=(seen,) if seen else ())


def follow(
    steps: list[Step],
    versions: Mapping[int, Target],
    ruler: Ruler,
    *,
    state: JudgeState | None = None,
    through_json: bool = False,
) -> list[Judged]:
    """Judge step by step; `versions` maps the first step's index to the version that holds from it on."""
    judged: list[Judged] = []
    target = versions[0]
    for index, step in enumerate(steps):
        target = versions.get(index, target)
        judged.append(judge_epoch(state, target, step, ruler))
        state = judged[-1].state
        if through_json:
            state = msgspec.json.decode(msgspec.json.encode(state), type=JudgeState)
    return judged
