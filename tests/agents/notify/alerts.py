"""One alert in its two states, for tests of what tells it."""

import time

import msgspec

from agents.notify import Duty, Notice
from streams.events.judging import Alert

FIRING = Alert(
    tenant="acme",
    alert_id="a" * 32,
    dedup_key="d" * 32,
    sequence=0,
    target="happy/country=NO",
    version=3,
    detector="e-detector",
    state="firing",
    reason="the detector found a change to the worse",
    severity="warning",
    started_at_ms=1_772_330_400_000,
    at_ms=1_772_330_400_000,
    slice={"country": "NO"},
    objective=60.0,
    score=-80.0,
    lower=-93.75,
    upper=None,
    n=10,
    coverage=0.9,
    summary="Happiness in country NO has drifted below its target.",
    runbook="docs/runbooks/happiness-drift.md",
)
RESOLVED = msgspec.structs.replace(FIRING, state="resolved", sequence=1, at_ms=1_772_334_000_250)
WORKING = Duty("working", ("desk", "noc"))


def episode(name: str, *, ago_s: float = 60.0, severity: str = "warning") -> tuple[Notice, Notice]:
    """Return an episode of a target of its own: it began so long ago and has just ended."""
    now_ms = int(time.time() * 1000)
    began_ms = now_ms - int(ago_s * 1000)
    firing = msgspec.structs.replace(
        FIRING,
        alert_id=f"{name}-{began_ms}",
        dedup_key=name,
        target=name,
        severity=severity,
        started_at_ms=began_ms,
        at_ms=began_ms,
    )
    resolved = msgspec.structs.replace(firing, state="resolved", sequence=1, at_ms=now_ms - 1)
    return Notice(firing), Notice(resolved)
