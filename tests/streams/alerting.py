"""An alert for tests of what is added to it."""

from streams.events.judging import Alert

ALERT = Alert(
    tenant="acme",
    alert_id="a" * 32,
    dedup_key="d" * 32,
    sequence=0,
    target="happiness-by-country/country=NO",
    version=1,
    detector="e-detector",
    state="firing",
    reason="the detector found a change to the worse",
    severity="warning",
    started_at_ms=1_772_330_400_000,
    at_ms=1_772_330_400_000,
    slice={"country": "NO"},
    objective=60.0,
    score=20.0,
    lower=5.0,
    upper=34.0,
    n=100,
    coverage=None,
    summary="Happiness in country NO has drifted below its target.",
    runbook="docs/runbooks/happiness-drift.md",
)
