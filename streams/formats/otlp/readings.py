"""Data points of OTLP to readings of the metric catalogue, and the reasons why others are none."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, DataPointFlags, NumberDataPoint
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric as OtlpMetric

from streams.catalogue import Catalogue, Metric, Otlp
from streams.checks import is_tricky
from streams.formats.otlp.requests import Request

_LEVELS = frozenset({"gauge", "duration", "state"})
_ADDED = frozenset({"delta", "event"})
_NS_PER_MS = 1_000_000
_DAY_MS = 86_400_000


class Refusal(StrEnum):
    """Why a data point was not taken: the name is for metrics, the text for the sender."""

    NO_DEVICE = "without a resource attribute host.name of 1 to 200 characters"
    UNLISTED = "of metrics that the catalogue does not list"
    FILTERED = "with attributes that the catalogue does not select"
    CUMULATIVE = "of cumulative monotonic sums; set the exporter's temporality to delta"
    UNSUPPORTED = "of histograms, summaries or sums without temporality"
    KIND = "of another kind (level or added amount) than the catalogue says"
    NO_TIME = "without a time"
    NO_VALUE = "without a recorded value"
    RANGE = "with a value that is not finite or beyond 2^43 in the catalogue's unit"
    APPLICATION = "with an application name longer than 120 characters or with control characters"


class Reading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One reading that the gateway turns into telemetry.

    Attributes:
        device: Raw name of the host: an identity, not to be stored.
        value: In the catalogue's unit.
        event_id: The same for the same data point sent again.
        covers_ms: Length of the interval over which an amount was added up; 0 = not known.
        application: Empty = none.
    """

    tenant: str
    source: str
    device: str
    metric: str
    value: float
    event_time_ms: int
    event_id: str
    covers_ms: int = 0
    application: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a request.

    Attributes:
        readings: In the order of the request; one data point may feed several metrics of the catalogue.
        rejected: Data points that were not taken, by reason.
    """

    readings: Sequence[Reading]
    rejected: Mapping[Refusal, int]

    @property
    def rejected_points(self) -> int:
        """Data points that were not taken; for `rejected_data_points` of OTLP's partial success."""
        return sum(self.rejected.values())

    @property
    def explanation(self) -> str:
        """All reasons in one line; for `error_message` of OTLP's partial success."""
        return "; ".join(_told(refusal, count) for refusal, count in sorted(self.rejected.items()))


def _told(refusal: Refusal, count: int) -> str:
    return f"{count} data point{'' if count == 1 else 's'} {refusal.value}"


def to_telemetry(request: Request, catalogue: Catalogue, tenant: str, source: str) -> Outcome:
    """Return the readings in a request, and why the other data points are none.

    Args:
        request: Of `parse_protobuf` or `parse_json`.
        catalogue: Says which metrics and attributes are taken.
        tenant: Whose devices these are; part of each event's id.
        source: Name of the sender, kept with each reading.
    """
    readings: list[Reading] = []
    rejected: Counter[Refusal] = Counter()
    for stream in _streams(request, catalogue, tenant, source):
        for point in stream.points:
            result = stream.refusal or stream.read(point)
            if isinstance(result, Refusal):
                rejected[result] += 1
            else:
                readings.extend(result)
    return Outcome(readings, rejected)


@dataclass(frozen=True, slots=True)
class _Origin:
    """A resource: who speaks."""

    tenant: str
    source: str
    device: str
    attributes: Mapping[str, str]
    digest: bytes


@dataclass(frozen=True, slots=True)
class _Stream:
    """The data points of one OTLP metric of one resource.

    Attributes:
        refusal: Why none of them is taken; None = each is looked at.
        entries: The metrics of the catalogue that they may feed.
    """

    origin: _Origin
    digest: bytes
    points: Sequence[Any]
    is_added: bool
    refusal: Refusal | None
    entries: Sequence[tuple[Metric, Otlp]]

    def read(self, point: NumberDataPoint) -> list[Reading] | Refusal:
        attributes = _texts(point.attributes)
        chosen = [entry for entry in self.entries if _selects(entry[1], attributes)]
        if not chosen:
            return Refusal.FILTERED
        if point.time_unix_nano == 0:
            return Refusal.NO_TIME
        value = _value(point)
        if value is None:
            return Refusal.NO_VALUE
        results = [self._reading(point, value, metric, otlp, attributes) for metric, otlp in chosen]
        readings = [result for result in results if isinstance(result, Reading)]
        return readings or next(result for result in results if isinstance(result, Refusal))

    def _reading(
        self, point: NumberDataPoint, value: float, metric: Metric, otlp: Otlp, attributes: Mapping[str, str]
    ) -> Reading | Refusal:
        if metric.kind not in (_ADDED if self.is_added else _LEVELS):
            return Refusal.KIND
        if not abs(value * otlp.scale) < 2**43:  # so that NaN fails as well
            return Refusal.RANGE
        application = _application(otlp, attributes, self.origin.attributes)
        if len(application) > 120 or is_tricky(application):
            return Refusal.APPLICATION
        return Reading(
            tenant=self.origin.tenant,
            source=self.origin.source,
            device=self.origin.device,
            metric=metric.name,
            value=value * otlp.scale,
            event_time_ms=point.time_unix_nano // _NS_PER_MS,
            event_id=self._event_id(point, metric),
            covers_ms=_interval_ms(point) if self.is_added else 0,
            application=application,
        )

    def _event_id(self, point: NumberDataPoint, metric: Metric) -> str:
        time = point.time_unix_nano.to_bytes(8, "big")
        return _digest(self.digest, metric.name.encode(), time, *_canonical(point.attributes)).hex()


def _streams(request: Request, catalogue: Catalogue, tenant: str, source: str) -> Iterator[_Stream]:
    for resource in request.resource_metrics:
        origin = _origin(resource.resource.attributes, tenant, source)
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                entries = catalogue.by_otlp.get(metric.name, ())
                points, is_added, refusal = _points(metric)
                if not entries:
                    refusal = Refusal.UNLISTED
                elif not 1 <= len(origin.device) <= 200:
                    refusal = Refusal.NO_DEVICE
                digest = _digest(origin.digest, scope.scope.name.encode(), metric.name.encode())
                yield _Stream(origin, digest, points, is_added, refusal, entries)


def _origin(attributes: Iterable[KeyValue], tenant: str, source: str) -> _Origin:
    pairs = list(attributes)
    texts = _texts(pairs)
    digest = _digest(tenant.encode(), *_canonical(pairs))
    return _Origin(tenant, source, texts.get("host.name", ""), texts, digest)


def _points(metric: OtlpMetric) -> tuple[Sequence[Any], bool, Refusal | None]:
    """Return the data points, whether they are amounts that were added (not levels), and why they cannot be taken."""
    match metric.WhichOneof("data"):
        case None:
            return (), False, None
        case "gauge":
            return metric.gauge.data_points, False, None
        case "sum":
            return metric.sum.data_points, *_temporality(metric.sum.aggregation_temporality, metric.sum.is_monotonic)
        case other:
            return getattr(metric, other).data_points, False, Refusal.UNSUPPORTED


def _temporality(temporality: AggregationTemporality.ValueType, is_monotonic: bool) -> tuple[bool, Refusal | None]:
    if temporality == AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA:
        return True, None
    if temporality == AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE:
        return False, Refusal.CUMULATIVE if is_monotonic else None
    return False, Refusal.UNSUPPORTED


def _value(point: NumberDataPoint) -> float | None:
    if point.flags & DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK:
        return None
    match point.WhichOneof("value"):
        case "as_double":
            return point.as_double
        case "as_int":
            return float(point.as_int)
        case _:
            return None


def _interval_ms(point: NumberDataPoint) -> int:
    length = (point.time_unix_nano - point.start_time_unix_nano) // _NS_PER_MS
    return length if point.start_time_unix_nano and 0 <= length <= _DAY_MS else 0


def _selects(otlp: Otlp, attributes: Mapping[str, str]) -> bool:
    return all(attributes.get(key) in values for key, values in otlp.attributes.items())


def _application(otlp: Otlp, point: Mapping[str, str], resource: Mapping[str, str]) -> str:
    name = (point.get(otlp.application) or resource.get(otlp.application, "")) if otlp.application else ""
    return "" if name.startswith("unknown_service") else name  # the SDK's name for a program that was not named


def _texts(attributes: Iterable[KeyValue]) -> dict[str, str]:
    return {pair.key: _text(pair.value) for pair in attributes}


def _text(value: AnyValue) -> str:
    """Return a plain value as the catalogue writes it; lists, maps and bytes select nothing and are empty."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "int_value":
            return str(value.int_value)
        case "bool_value":
            return "true" if value.bool_value else "false"
        case "double_value":
            return repr(value.double_value)
        case _:
            return ""


def _canonical(attributes: Iterable[KeyValue]) -> list[bytes]:
    return sorted(pair.SerializeToString(deterministic=True) for pair in attributes)


def _digest(*parts: bytes) -> bytes:
    """Return 16 bytes that stand for these parts in this order; no two lists of parts run into one another."""
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hashlib.blake2b(framed, digest_size=16).digest()
