"""A small made-up organisation whose every figure is known: what the check of the screens asks its questions of.

Its names are hostile on purpose: an apostrophe, a bracket, quotes and a per cent sign. Rows are those of the restricted
tables; the public views make of them what they make of real ones.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streams.profile import STANDARD

Rows = Mapping[str, list[dict[str, Any]]]

TENANTS: Final = ('d\'Arc [x] "y" 100%', "other")
COUNTRIES: Final = ("Cote d'Ivoire [CI]", "NO", "SE")
SERVICES: Final = ("mail", "queue")
QUEUE: Final = "happiness/service=queue"
LAPTOPS: Final = "good-time/application=mail"
PROMISES: Final = ((QUEUE, 1, "happiness", 50.0), (QUEUE, 2, "happiness", 60.0), (LAPTOPS, 1, "good_time", 99.0))
"""Target, version, indicator, objective; the second version holds from 100 minutes ago on, the first ones from 300."""
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
AGE_MIN: Final = 10
"""Minutes since the newest epoch ended."""
_RUN: Final = "00000000-0000-0000-0000-000000000001"
_MIXED: Final = {
    "site": "*",
    "business_unit": "finance",
    "channel": "portal",
    "assignment_group": "desk",
    "touchpoint": "",
}


def sample(now_ms: int) -> Rows:
    """Return the rows of every table, as seen at that time; unix ms."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for table, row in _all(_Clock(now_ms)):
        tables.setdefault(table, []).append(row)
    return tables


@dataclass(frozen=True)
class _Clock:
    now_ms: int

    def ago(self, minutes: float) -> int:
        return self.now_ms - int(minutes * MINUTE_MS)


def _all(clock: _Clock) -> Iterator[tuple[str, dict[str, Any]]]:
    for tenant in TENANTS:
        yield from _judged(tenant, clock)
        yield from _alerts(tenant, clock)
        yield from _released(tenant, clock)
        yield from _invited(tenant, clock)
        yield from _changed(tenant, clock)
        for number in range(STANDARD.k * 2):
            for country in COUNTRIES[:2]:
                for service in SERVICES:
                    yield "tickets", _ticket(tenant, f"{country}/{service}/{number}", country, service, clock)
        yield from (("tiles", tile) for tile in _tiles(tenant, clock))
    yield from _intake(clock)


def _judged(tenant: str, clock: _Clock) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, version, indicator, objective in PROMISES:
        body = {"purpose": "p", "owner": "desk", "indicator": indicator, "objective": objective, "period": "month"}
        body |= {
            "slice": {},
            "min_respondents": 20,
            "runbook": "docs/queue.md",
            "severity": "warning",
        }
        at_ms = clock.ago(500 - 200 * version)
        row = {"tenant": tenant, "target": name, "version": version, "state": "active", "author": "a", "reason": "r"}
        yield "targets", {**row, "valid_from": at_ms, "recorded_at": at_ms, "body": json.dumps(body)}
    for age, version in ((200, 1), (30, 2), (20, 2)):
        yield "verdicts", _verdict(tenant, QUEUE, clock.ago(age), "undecided", version=version)
    yield "verdicts", {**_verdict(tenant, QUEUE, clock.ago(AGE_MIN), "missed", version=2), "drifting": 1}
    good = {"score": 99.5, "lower": None, "upper": None}
    yield "verdicts", {**_verdict(tenant, LAPTOPS, clock.ago(AGE_MIN), "met"), **good}


def _verdict(tenant: str, name: str, at_ms: int, word: str, *, version: int = 1) -> dict[str, Any]:
    row = {
        "tenant": tenant,
        "target": name,
        "version": version,
        "at": at_ms,
        "verdict": word,
        "n": 400,
        "coverage": 1.0,
    }
    period = {"score": 41.26, "lower": 35.04, "upper": 47.77}
    rolling = {"rolling_score": 30.5, "rolling_lower": 20.0, "rolling_upper": 41.0, "rolling_n": 90}
    rest = {"trend": "down", "evidence": 1.2, "drifting": 0, "state": "{}", "written_at": at_ms}
    return {**row, **period, **rolling, **rest}


def _alerts(tenant: str, clock: _Clock) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, sequence in (("open", 0), ("over", 0), ("over", 1)):
        yield "alerts", _alert(tenant, name, sequence, clock)
    for notifier, outcome in (("webhook", "delivered"), ("alertmanager", "retry")):
        row = {"tenant": tenant, "alert_id": "open", "sequence": 0, "notifier": notifier, "outcome": outcome}
        yield "deliveries", {**row, "reason": "", "at": clock.ago(19)}


def _alert(tenant: str, name: str, sequence: int, clock: _Clock) -> dict[str, Any]:
    at_ms = clock.ago(20 - sequence)
    row = {"tenant": tenant, "alert_id": name, "sequence": sequence, "dedup_key": name, "target": QUEUE, "version": 1}
    state = {"state": "resolved" if sequence else "firing", "reason": "started", "severity": "warning", "at": at_ms}
    facts = {"objective": 60.0, "score": 41.26, "lower": 35.04, "upper": 47.77, "n": 400, "coverage": 1.0}
    told = {"detector": "e", "slice": {"country": "NO"}, "summary": "Queue fell", "runbook": "docs/queue.md"}
    body = {
        "since_ms": clock.ago(40),
        "usual": 62.0,
        "usual_n": 800,
        "change": -20.7,
        "mix_share": 0.1,
        "contributions": [
            {"dimension": "country", "value": COUNTRIES[0], "points": "-15.2", "share": "0.734", "n": "150"},
            {"dimension": "country", "value": "*", "points": "-5.5", "share": "0.266", "n": "250"},
        ],
        "coincidences": [
            {"kind": "deploy", "name": "c1", "at": "then", "where": "service queue", "title": "new version of queue"}
        ],
    }
    rest = {"kind": "drift", "calls": "yes", "inhibited_by": "", "body": json.dumps(body)}
    return {**row, **state, **facts, **told, **rest, "started_at": clock.ago(20), "written_at": at_ms}


def _released(tenant: str, clock: _Clock) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield two days of feedback: one block of each country, service and half a day, and one mixed bundle a day."""
    for half in range(4):
        epoch = clock.ago(AGE_MIN + half * 720)
        place = {"tenant": tenant, "epoch": epoch, "run": f"r{half}"}
        yield "release_marks", {**place, "blocks": len(COUNTRIES) * 2 + 1, "answers": 190, "rule": "{}"}
        for country in COUNTRIES:
            for service in SERVICES:
                promoters = 14 if half < 2 and country == "NO" else 22
                yield "release_blocks", _block(place, f"{country}/{service}", country, service, promoters)
        yield "release_blocks", _block(place, "mixed", "*", "queue", 20)
        bundle = {"bundle": "b", "level": 1, "country": COUNTRIES[0], "service": "mail", **_MIXED}
        scores = {"n": 60, "scores": [0, 0, 0, 0, 2, 4, 6, 8, 10, 14, 16], "lost_n": 30, "lost_bands": [3] * 10 + [0]}
        details = {**scores, "lost_sums": [900, 900], "factors": {"speed": 20}}
        yield "release_bundles", {**place, **bundle, **details}
        yield "release_bundle_marks", {**place, "bundles": 1, "blocks": 2, "rule": "{}"}


def _invited(tenant: str, clock: _Clock) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the cohorts of three days; the last one was told twice, of which the first counts."""
    day_ms = 24 * HOUR_MS
    now = clock.now_ms // day_ms
    for days, invited, answered in ((9, 400, 70), (8, 200, 50), (8, 999, 1)):
        span = {"start": (now - days) * day_ms, "end": (now - days + 1) * day_ms, "epoch": (now - days + 8) * day_ms}
        marked = {"marked_at": clock.now_ms * 1000 + invited}
        yield "release_cohorts", {"tenant": tenant, **span, "invited": invited, "answered": answered, **marked}


def _block(place: Mapping[str, Any], name: str, country: str, service: str, promoters: int) -> dict[str, Any]:
    counts = {"n": 30, "detractors": 28 - promoters, "neutrals": 2, "promoters": promoters}
    return {**place, "block": name, "level": 0, "country": country, "service": service, **_MIXED, **counts}


def _changed(tenant: str, clock: _Clock) -> Iterator[tuple[str, dict[str, Any]]]:
    row = {"tenant": tenant, "change_id": "c1", "version": 1, "event_id": "c1/1", "source": "calendar", "revision": 1}
    when = {"kind": "deploy", "event_time": clock.ago(45), "log_time": clock.ago(45), "end": None, "wave": None}
    where = {"country": "", "site": "", "business_unit": "", "channel": "", "assignment_group": "", "touchpoint": ""}
    what = {"application": "queue", "service": "queue", "title": "new version of queue"}
    yield "changes", {**row, **when, **where, **what}


def _ticket(tenant: str, name: str, country: str, service: str, clock: _Clock) -> dict[str, Any]:
    row = {"tenant": tenant, "ticket_id": name, "version": 1, "event_id": f"{name}/1", "source": "desk"}
    state = {"revision": 1, "kind": "closed", "person": name, "category": "request", "made_sla": 1}
    at_ms = {"event_time": clock.ago(2000), "log_time": clock.ago(2000), "reassignment_count": 0, "reopen_count": 0}
    return {**row, **state, **at_ms, **_MIXED, "site": "", "country": country, "service": service}


_METRICS: Final = {
    "app.response_time": {"application": "mail", "service": "mail"},
    "app.usable": {"application": "mail", "service": "mail"},
    "app.crash": {"application": "mail", "service": "mail"},
    "app.start_time": {"application": "mail"},
    "device.cpu_utilization": {"device_model": "notebook [14']"},
    "device.memory_utilization": {"device_model": "notebook [14']"},
    "device.crash": {"device_model": "notebook [14']"},
    "device.boot_time": {"device_model": "notebook [14']"},
    "device.login_time": {"device_model": "notebook [14']"},
}


def _tiles(tenant: str, clock: _Clock) -> Iterator[dict[str, Any]]:
    """Yield windows of every metric that a screen shows: one each for three quarters of an hour, long closed."""
    nothing = dict.fromkeys(
        ("country", "site", "business_unit", "service", "application", "device_model", "os_version"), ""
    )
    counts = {"n": 40, "sum": 80_000, "sum_squares": 160_000_000, "min": 1_000, "max": 3_000}
    time_ms = {"good_ms": 90_000, "attempted_ms": 100_000, "hist_bucket": [], "hist_count": []}
    devices = [number * 1_000_003 for number in range(1, 31)]
    place = {"generation": STANDARD.generation, "incarnation": _RUN, "partition": 0, "tile": 0, "hi": 10}
    for quarter in range(3):
        start_s = clock.ago(75 + 15 * quarter) // 900_000 * 900
        for metric, labels in _METRICS.items():
            where = {
                **nothing,
                "country": "NO",
                **labels,
                "window_start": start_s,
                "window_s": STANDARD.window_ms // 1000,
            }
            rest = {**counts, **time_ms, "devices": devices, "shared": 0, "late": 0}
            yield {"tenant": tenant, "metric": metric, **where, **place, **rest}


def _intake(clock: _Clock) -> Iterator[tuple[str, dict[str, Any]]]:
    place = {"incarnation": _RUN, "partition": 0, "partitions": 1, "hi": 10}
    counts = {"n_in": 10, "n_valid": 6, "n_invalid": 1, "n_duplicate": 1, "n_late": 2, "n_tick": 2, "n_overflow": 0}
    arrival = {"arrival": clock.ago(5), "closed": 0}
    yield "tile_audit", {**place, "generation": STANDARD.generation, "tile": 0, "first": 0, **counts, **arrival}
    yield "records_progress", {**place, "n_valid": 10, "n_invalid": 0, "arrival": clock.ago(5)}
    where = {"topic": "telemetry", "incarnation": _RUN, "partition": 0, "offset": 3, "recorded_at": clock.now_ms}
    yield "quarantine", {**where, "reason": "value: not a number", "raw": "x"}
