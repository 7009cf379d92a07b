"""Real telemetry of this very machine, by a client that xpulse did not write.

OpenTelemetry's own system-metrics instrumentation collects, its own OTLP exporter sends. Run as
`python -m agents.demo.host --endpoint URL --tenant T --interval 2`.
"""

import argparse
import signal
import socket
import threading

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

DELTA = dict.fromkeys((Counter, ObservableCounter, Histogram), AggregationTemporality.DELTA)
"""The gateway refuses sums that never reset; exporters can be told to send differences."""


def collect(endpoint: str, *, tenant: str, interval_s: float) -> MeterProvider:
    """Start sending this machine's metrics.

    Args:
        endpoint: OTLP/HTTP metrics endpoint of the gateway.
        tenant: Whose they are.
        interval_s: Seconds between exports.

    Returns:
        The running provider; `shutdown()` sends what is left and ends it.
    """
    exporter = OTLPMetricExporter(endpoint=endpoint, headers={"X-Xpulse-Tenant": tenant}, preferred_temporality=DELTA)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=interval_s * 1000)
    resource = Resource.create({"host.name": socket.gethostname(), "service.name": "xpulse-demo-host"})
    provider = MeterProvider(metric_readers=[reader], resource=resource)
    SystemMetricsInstrumentor().instrument(meter_provider=provider)
    return provider


def main() -> None:
    """Collect and send until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description="Send this machine's metrics to a gateway over OTLP/HTTP.")
    parser.add_argument("--endpoint", required=True, help="e.g. http://127.0.0.1:8080/v1/metrics")
    parser.add_argument("--tenant", required=True)
    parser.add_argument("--interval", type=float, default=2.0, help="seconds between exports (default 2)")
    given = parser.parse_args()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    provider = collect(given.endpoint, tenant=given.tenant, interval_s=given.interval)
    stopping.wait()
    provider.shutdown(timeout_millis=3_000)


if __name__ == "__main__":
    main()
