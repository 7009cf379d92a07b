"""OTLP metrics: a request's bytes to readings of the metric catalogue.

Taken: gauges, delta sums, and cumulative sums that go up and down (they are levels). Refused, counted by reason:
cumulative monotonic sums (an exporter can be set to delta), histograms and summaries, and whatever the catalogue does
not list. The device is the resource's `host.name`, still raw: the gateway replaces it.

Source: OpenTelemetry Protocol 1.x, "OTLP/HTTP" and "JSON Protobuf Encoding"; OpenTelemetry metrics data model.
"""

from streams.formats.otlp.readings import Outcome, Reading, Refusal, to_telemetry
from streams.formats.otlp.requests import OtlpError, Request, parse_json, parse_protobuf

__all__ = ["OtlpError", "Outcome", "Reading", "Refusal", "Request", "parse_json", "parse_protobuf", "to_telemetry"]
