"""Every metric of every process, by name: what it counts, its kind and its labels.

Labels are bounded: topics, partitions, tables, routes, and words from fixed lists. No label is a tenant, an identity or
a dimension of an event, since a count that ticks per slice tells who has just answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any, Literal, TypeVar, get_args
from weakref import WeakKeyDictionary
from wsgiref.simple_server import WSGIServer

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from streams.errors import ConfigError

CounterName = Literal[
    "xpulse_events_in_total",
    "xpulse_events_folded_total",
    "xpulse_events_invalid_total",
    "xpulse_events_duplicate_total",
    "xpulse_events_late_total",
    "xpulse_events_overflow_total",
    "xpulse_ticks_in_total",
    "xpulse_flushes_total",
    "xpulse_rows_written_total",
    "xpulse_commits_total",
    "xpulse_revocations_total",
    "xpulse_release_epochs_total",
    "xpulse_seals_total",
    "xpulse_verdicts_total",
    "xpulse_alerts_total",
    "xpulse_alerts_unexplained_total",
    "xpulse_deliveries_total",
    "xpulse_alert_reposts_total",
    "xpulse_part_restarts_total",
    "xpulse_publish_failures_total",
    "xpulse_gateway_requests_total",
    "xpulse_gateway_rejections_total",
    "xpulse_gateway_events_total",
    "xpulse_gateway_unknown_dimensions_total",
    "xpulse_gateway_ticks_total",
    "xpulse_gateway_directory_loads_total",
]
GaugeName = Literal[
    "xpulse_lag_records",
    "xpulse_lag_seconds",
    "xpulse_pending_records",
    "xpulse_seals_waiting",
    "xpulse_targets",
    "xpulse_alerts_open",
    "xpulse_publish_in_flight_records",
    "xpulse_gateway_ready",
    "xpulse_gateway_directory_entries",
]
HistogramName = Literal[
    "xpulse_freshness_seconds",
    "xpulse_flush_seconds",
    "xpulse_seal_seconds",
    "xpulse_judge_seconds",
    "xpulse_publish_seconds",
    "xpulse_gateway_request_seconds",
]
MetricName = CounterName | GaugeName | HistogramName
Label = Literal[
    "topic",
    "partition",
    "table",
    "outcome",
    "verdict",
    "state",
    "notifier",
    "part",
    "reason",
    "route",
    "status",
    "kind",
]
Outcome = Literal["ok", "failed"]
"""Values of the label `outcome`."""

_FINE = tuple(round(0.05 * step, 2) for step in range(1, 41))
_COARSE = (2.5, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0)
_LONG = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
_SHORT = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

BUCKETS: Mapping[HistogramName, tuple[float, ...]] = {
    "xpulse_freshness_seconds": _FINE + _COARSE,
    "xpulse_flush_seconds": _SHORT,
    "xpulse_seal_seconds": _LONG,
    "xpulse_judge_seconds": _SHORT,
    "xpulse_publish_seconds": _SHORT,
    "xpulse_gateway_request_seconds": _SHORT,
}
"""Upper bounds; seconds. Freshness has steps of 0.05 s up to 2 s, so that its 99th percentile can be judged."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a metric says.

    Attributes:
        help: One line for people.
        labels: Names of its labels.
    """

    help: str
    labels: tuple[Label, ...] = ()


MEANINGS: Mapping[MetricName, Meaning] = {
    "xpulse_events_in_total": Meaning("Records read from a topic, ticks included.", ("topic",)),
    "xpulse_events_folded_total": Meaning("Events that entered results.", ("topic",)),
    "xpulse_events_invalid_total": Meaning("Records put into quarantine.", ("topic",)),
    "xpulse_events_duplicate_total": Meaning("Events dropped because their id was seen before.", ("topic",)),
    "xpulse_events_late_total": Meaning("Events folded apart because their window had closed.", ("topic",)),
    "xpulse_events_overflow_total": Meaning("Events folded as __other__ for want of keys.", ("topic",)),
    "xpulse_ticks_in_total": Meaning("Ticks read.", ("topic",)),
    "xpulse_flushes_total": Meaning("Attempts to store what changed.", ("topic", "outcome")),
    "xpulse_rows_written_total": Meaning("Rows acknowledged by ClickHouse.", ("table",)),
    "xpulse_commits_total": Meaning("Attempts to commit offsets.", ("topic", "outcome")),
    "xpulse_revocations_total": Meaning("Times that this worker lost its partitions.", ("topic",)),
    "xpulse_release_epochs_total": Meaning("Epochs of feedback released."),
    "xpulse_seals_total": Meaning("Periods of telemetry sealed; failed counts rounds.", ("outcome",)),
    "xpulse_verdicts_total": Meaning("Verdicts written.", ("verdict",)),
    "xpulse_alerts_total": Meaning("Alerts that fired or were resolved.", ("state",)),
    "xpulse_alerts_unexplained_total": Meaning("Alerts that went out without an explanation: it could not be read."),
    "xpulse_deliveries_total": Meaning("Attempts to deliver an alert.", ("notifier", "outcome")),
    "xpulse_alert_reposts_total": Meaning(
        "Alerts that a receiver was told again; failed counts rounds.", ("notifier", "outcome")
    ),
    "xpulse_part_restarts_total": Meaning("Parts restarted by the supervisor.", ("part",)),
    "xpulse_publish_failures_total": Meaning("Batches that the broker did not acknowledge.", ("topic",)),
    "xpulse_gateway_requests_total": Meaning("Requests answered; status is its class.", ("route", "status")),
    "xpulse_gateway_rejections_total": Meaning("Requests refused, by reason.", ("route", "reason")),
    "xpulse_gateway_events_total": Meaning("Events accepted: acknowledged by the broker.", ("topic",)),
    "xpulse_gateway_unknown_dimensions_total": Meaning("Identities that the directory does not know.", ("kind",)),
    "xpulse_gateway_ticks_total": Meaning("Ticks sent.", ("topic", "outcome")),
    "xpulse_gateway_directory_loads_total": Meaning("Directory files read.", ("outcome",)),
    "xpulse_lag_records": Meaning("Records read but not yet stored.", ("topic", "partition")),
    "xpulse_lag_seconds": Meaning("Age of the newest stored record.", ("topic", "partition")),
    "xpulse_pending_records": Meaning("Records that wait in memory for storage.", ("topic",)),
    "xpulse_seals_waiting": Meaning("Periods that late rows have changed and that are sealed again later."),
    "xpulse_targets": Meaning("Targets that this worker judges."),
    "xpulse_alerts_open": Meaning("Alerts that fire now."),
    "xpulse_publish_in_flight_records": Meaning("Records handed to the broker and not acknowledged."),
    "xpulse_gateway_ready": Meaning("1 while the broker answers and has the topics."),
    "xpulse_gateway_directory_entries": Meaning("Entries in the loaded directories.", ("kind",)),
    "xpulse_freshness_seconds": Meaning("From the record's timestamp until it can be queried.", ("topic",)),
    "xpulse_flush_seconds": Meaning("Time of one flush until acknowledged.", ("topic",)),
    "xpulse_seal_seconds": Meaning("Time to seal one period."),
    "xpulse_judge_seconds": Meaning("Time to judge all targets once."),
    "xpulse_publish_seconds": Meaning("Time until the broker acknowledged a batch.", ("topic",)),
    "xpulse_gateway_request_seconds": Meaning("Time to answer a request.", ("route",)),
}

M = TypeVar("M", Counter, Gauge, Histogram)

_made: WeakKeyDictionary[CollectorRegistry, dict[str, Counter | Gauge | Histogram]] = WeakKeyDictionary()
_lock = Lock()


def counter(name: CounterName, registry: CollectorRegistry = REGISTRY) -> Counter:
    """Return the counter of that name; the first call in a process makes it appear on `/metrics`."""
    return _once(registry, name, Counter)


def gauge(name: GaugeName, registry: CollectorRegistry = REGISTRY) -> Gauge:
    """Return the gauge of that name."""
    return _once(registry, name, Gauge)


def histogram(name: HistogramName, registry: CollectorRegistry = REGISTRY) -> Histogram:
    """Return the histogram of that name."""
    return _once(registry, name, Histogram, buckets=BUCKETS[name])


def _once(registry: CollectorRegistry, name: MetricName, kind: type[M], **options: Any) -> M:
    with _lock:
        known = _made.setdefault(registry, {})
        metric = known.get(name)
        if not isinstance(metric, kind):
            meaning = MEANINGS[name]
            metric = known[name] = kind(name, meaning.help, meaning.labels, registry=registry, **options)
        return metric


def all_names() -> tuple[MetricName, ...]:
    """Return the names of all metrics."""
    return (*get_args(CounterName), *get_args(GaugeName), *get_args(HistogramName))


@dataclass(frozen=True, slots=True)
class MetricsServer:
    """The HTTP server of one process's metrics.

    Attributes:
        port: The port that it really listens on.
    """

    port: int
    _server: WSGIServer
    _thread: Thread

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve_metrics(port: int, host: str = "127.0.0.1", *, registry: CollectorRegistry = REGISTRY) -> MetricsServer:
    """Serve `/metrics` of this process from a thread of its own.

    Args:
        port: TCP port; 0 = any free one.
        host: Address to listen on; the loopback address unless something else protects it.
        registry: Whose metrics.

    Raises:
        ConfigError: The address cannot be listened on.
    """
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise ConfigError(f"cannot serve metrics on {host}:{port}: {error.strerror}") from error
    return MetricsServer(server.server_port, server, thread)
