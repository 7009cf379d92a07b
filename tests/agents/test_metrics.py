from collections.abc import Iterator
from itertools import pairwise
from typing import get_args

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from agents.metrics import BUCKETS, MEANINGS, HistogramName, Label, all_names, counter, gauge, histogram, serve_metrics
from streams.errors import ConfigError

IDENTIFYING = {
    "tenant", "person", "device", "country", "site", "business_unit", "service", "channel", "assignment_group",
    "touchpoint", "application", "device_model", "os_version", "metric", "signal",
}  # fmt: skip


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_every_name_has_a_meaning_and_every_meaning_a_name() -> None:
    assert set(all_names()) == set(MEANINGS)
    assert len(all_names()) == len(set(all_names()))
    assert set(BUCKETS) == set(get_args(HistogramName))


@pytest.mark.parametrize("name", all_names())
def test_names_carry_prefix_and_unit(name: str) -> None:
    assert name.startswith("xpulse_")
    if name in get_args(HistogramName):
        assert name.endswith("_seconds")
    assert name.endswith("_total") == (name.removesuffix("_total") != name)


def test_no_label_is_a_slice() -> None:
    assert not IDENTIFYING & set(get_args(Label))
    assert {label for meaning in MEANINGS.values() for label in meaning.labels} <= set(get_args(Label))


def test_the_same_name_gives_the_same_metric(registry: CollectorRegistry) -> None:
    counter("xpulse_events_in_total", registry).labels(topic="telemetry").inc(2)
    counter("xpulse_events_in_total", registry).labels(topic="telemetry").inc(3)
    assert registry.get_sample_value("xpulse_events_in_total", {"topic": "telemetry"}) == 5


def test_registries_do_not_share(registry: CollectorRegistry) -> None:
    other = CollectorRegistry()
    gauge("xpulse_targets", registry).set(7)
    gauge("xpulse_targets", other).set(1)
    assert registry.get_sample_value("xpulse_targets") == 7
    assert other.get_sample_value("xpulse_targets") == 1


def test_freshness_is_fine_below_two_seconds(registry: CollectorRegistry) -> None:
    bounds = BUCKETS["xpulse_freshness_seconds"]
    assert list(bounds) == sorted(set(bounds))
    assert bounds[-1] == 60
    fine = [bound for bound in bounds if bound <= 2]
    assert all(b - a == pytest.approx(0.05) for a, b in pairwise(fine))
    histogram("xpulse_freshness_seconds", registry).labels(topic="records").observe(0.12)
    bucket = "xpulse_freshness_seconds_bucket"
    assert registry.get_sample_value(bucket, {"topic": "records", "le": "0.1"}) == 0
    assert registry.get_sample_value(bucket, {"topic": "records", "le": "0.15"}) == 1


def test_every_metric_can_be_made_and_shown(registry: CollectorRegistry) -> None:
    made = {"counter": counter, "gauge": gauge, "histogram": histogram}
    for name, meaning in MEANINGS.items():
        kind = "histogram" if name in BUCKETS else "counter" if name.endswith("_total") else "gauge"
        metric = made[kind](name, registry)  # type: ignore[operator]  # the name decides which
        if meaning.labels:
            metric.labels(*("x" for _ in meaning.labels))
    shown = generate_latest(registry).decode()
    assert all(name.removesuffix("_total") in shown for name in MEANINGS)


@pytest.fixture
def port(registry: CollectorRegistry) -> Iterator[int]:
    server = serve_metrics(0, registry=registry)
    yield server.port
    server.close()


@pytest.mark.integration
def test_metrics_are_served(registry: CollectorRegistry, port: int) -> None:
    counter("xpulse_alerts_total", registry).labels(state="firing").inc()
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics")
    assert 'xpulse_alerts_total{state="firing"} 1.0' in answer.text


@pytest.mark.integration
def test_a_taken_port_is_named(port: int) -> None:
    with pytest.raises(ConfigError, match=f"127.0.0.1:{port}"):
        serve_metrics(port, registry=CollectorRegistry())
