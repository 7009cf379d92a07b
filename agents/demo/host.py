"""Real telemetry of this very machine, by a client that xpulse did not write.

OpenTelemetry's own system-metrics instrumentation collects, its own OTLP exporter sends.
"""

import socket

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

DELTA: dict[type, AggregationTemporality] = dict.fromkeys(
    (Counter, ObservableCounter, Histogram), AggregationTemporality.DELTA
)
"""The gateway refuses sums that never reset; exporters can be told to send differences."""
INTERVAL_S = 2.0


def host_name() -> str:
    """Return the name under which this machine reports."""
    return socket.gethostname()


class HostMetrics:
    """Sends this machine's metrics every two seconds until stopped.

    Args:
        base_url: The gateway.
        tenant: Whose they are.
    """

    def __init__(self, base_url: str, tenant: str) -> None:
        exporter = OTLPMetricExporter(
            endpoint=f"{base_url}/v1/metrics",
            headers={"X-Xpulse-Tenant": tenant},
            preferred_temporality=DELTA,
            timeout=5,
        )
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=INTERVAL_S * 1000)
        resource = Resource.create({"host.name": host_name(), "service.name": "xpulse-demo"})
        self._provider = MeterProvider(metric_readers=[reader], resource=resource, shutdown_on_exit=False)
        self._instrumentor = SystemMetricsInstrumentor()
        self._instrumentor.instrument(meter_provider=self._provider)

    def stop(self) -> None:
        """Send what is left and end."""
        self._instrumentor.uninstrument()
        self._provider.shutdown(timeout_millis=6_000)
