"""OTLP/HTTP metrics: protobuf or JSON in, readings of the catalogue out, the answer in the encoding of the request.

What is not taken is counted in the answer's partial success, as OTLP has it, and is no reason to refuse the rest.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # generated code without stubs
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from starlette.responses import Response

from agents.gateway.answers import JSON, Refusal
from agents.gateway.body import Limits
from agents.gateway.identity import Pseudonyms
from agents.gateway.intake import DOORS, TENANT_HEADER, Intake
from agents.publisher import Outgoing
from streams.catalogue import Catalogue
from streams.events import Telemetry
from streams.formats import otlp
from streams.formats.otlp import Reading
from streams.formats.otlp import Refusal as Untaken

PROTOBUF: Final = "application/x-protobuf"
MEDIA_TYPES: Final = (PROTOBUF, JSON)
SOURCE: Final = "otlp"


def media_type(content_type: str) -> str:
    """Return the encoding of a request.

    Raises:
        Refusal: 415 something other than OTLP's two.
    """
    found = content_type.partition(";")[0].strip().lower()
    if found not in MEDIA_TYPES:
        raise Refusal(415, "media_type", f"Content-Type: expected one of {', '.join(MEDIA_TYPES)}")
    return found


class OtlpIntake:
    """Turns OTLP requests into records of telemetry."""

    def __init__(self, intake: Intake, pseudonyms: Pseudonyms, catalogue: Catalogue, limits: Limits) -> None:
        self._intake = intake
        self._pseudonyms = pseudonyms
        self._catalogue = catalogue
        self._limits = limits

    def records(
        self, body: bytes, encoding: str, tenant: str, received_at_ms: int
    ) -> tuple[list[Outgoing], Counter[Untaken]]:
        """Return the records of a request, and how many data points gave none, by reason.

        Raises:
            Refusal: 400 no OTLP or no tenant, 413 too many readings.
        """
        if not tenant:
            raise Refusal(400, "tenant", f"the header {TENANT_HEADER} must name the tenant")
        outcome = otlp.to_telemetry(_parsed(body, encoding), self._catalogue, tenant, SOURCE)
        if len(outcome.readings) > self._limits.events:
            readings = len(outcome.readings)
            raise Refusal(413, "too_many", f"{readings} readings; at most {self._limits.events} in one request")
        untaken = Counter(outcome.rejected)
        named = [reading for reading in outcome.readings if self._pseudonyms.of(tenant, "device", reading.device)]
        if len(named) < len(outcome.readings):
            untaken[Untaken.NO_DEVICE] += len(outcome.readings) - len(named)
        events = [_telemetry(reading) for reading in named]
        return self._intake.outgoing(DOORS["telemetry"], events, received_at_ms), untaken


def _parsed(body: bytes, encoding: str) -> otlp.Request:
    try:
        return otlp.parse_json(body) if encoding == JSON else otlp.parse_protobuf(body)
    except otlp.OtlpError as error:
        raise Refusal(400, "not_otlp", str(error)) from error


def _telemetry(reading: Reading) -> Telemetry:
    return Telemetry(
        event_id=reading.event_id,
        tenant=reading.tenant,
        source=reading.source,
        event_time_ms=reading.event_time_ms,
        device=reading.device,
        metric=reading.metric,
        value=reading.value,
        covers_ms=reading.covers_ms,
        application=reading.application,
    )


def accepted(encoding: str, untaken: Counter[Untaken]) -> Response:
    """Return OTLP's answer to a request that was taken, wholly or in part."""
    answer = ExportMetricsServiceResponse()
    if untaken:
        answer.partial_success.rejected_data_points = untaken.total()
        answer.partial_success.error_message = otlp.Outcome((), untaken).explanation
    return _encoded(answer, encoding, 200, {})


def refused(encoding: str, refusal: Refusal) -> Response:
    """Return OTLP's answer to a request of which nothing was taken; exporters try 429 and 503 again by themselves."""
    return _encoded(Status(message=refusal.body().error), encoding, refusal.status, refusal.headers())


def _encoded(message: Message, encoding: str, status: int, headers: dict[str, str]) -> Response:
    if encoding == JSON:
        return Response(json_format.MessageToJson(message, indent=None), status, headers, JSON)
    return Response(message.SerializeToString(), status, headers, PROTOBUF)
