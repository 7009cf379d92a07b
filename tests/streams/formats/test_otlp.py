"""OTLP metrics: what is taken, what is refused and why, and that no body is an exception of a foreign kind."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor
from opentelemetry.sdk.metrics import Counter, MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from streams.catalogue import parse_catalogue
from streams.codecs import Ok, decode, encode_json
from streams.events import Telemetry
from streams.formats.otlp import (
    OtlpError,
    Outcome,
    Reading,
    Refusal,
    Request,
    parse_json,
    parse_protobuf,
    to_telemetry,
)

SHIPPED = parse_catalogue(
    (Path(__file__).parents[3] / "infra" / "metrics.yaml").read_text(), source="infra/metrics.yaml"
)
CATALOGUE = parse_catalogue(
    """
metrics:
  level: {unit: s, kind: gauge, description: x, group_by: [country], otlp: {name: a.level, scale: 0.001}}
  idle: {unit: s, kind: gauge, description: x, group_by: [country], otlp: {name: cpu, attributes: {state: [idle]}}}
  first: {unit: s, kind: gauge, description: x, group_by: [country], otlp: {name: cpu, attributes: {cpu: ["1"]}}}
  added: {unit: s, kind: delta, description: x, group_by: [country], otlp: {name: a.sum}}
  app: {unit: s, kind: gauge, description: x, group_by: [country], otlp: {name: a.app, application: service.name}}
""",
    source="test.yaml",
)
AT = 1772440867000
FROM = AT - 10_000


def pairs(attributes: Mapping[str, object]) -> list[object]:
    forms: dict[type, str] = {str: "stringValue", int: "intValue", bool: "boolValue", float: "doubleValue"}
    return [{"key": key, "value": {forms[type(value)]: value}} for key, value in attributes.items()]


def point(value: object = 41.5, **changes: object) -> dict[str, object]:
    return {"asDouble": value, "timeUnixNano": str(AT * 1_000_000)} | changes


def body(*metrics: object, resource: Mapping[str, object] | None = None, scope: str = "s") -> bytes:
    attributes = {"host.name": "PC-17"} if resource is None else resource
    scopes = [{"scope": {"name": scope}, "metrics": list(metrics)}]
    return json.dumps(
        {"resourceMetrics": [{"resource": {"attributes": pairs(attributes)}, "scopeMetrics": scopes}]}
    ).encode()


def gauge(name: str, *points: object) -> dict[str, object]:
    return {"name": name, "gauge": {"dataPoints": list(points)}}


def total(name: str, *points: object, temporality: object = 1, is_monotonic: bool = True) -> dict[str, object]:
    kind = {"aggregationTemporality": temporality, "isMonotonic": is_monotonic}
    return {"name": name, "sum": kind | {"dataPoints": list(points)}}


def outcome(raw: bytes, tenant: str = "acme") -> Outcome:
    return to_telemetry(parse_json(raw), CATALOGUE, tenant, "otel")


def only(raw: bytes) -> Reading:
    result = outcome(raw)
    assert result.rejected == {}
    (reading,) = result.readings
    return reading


def refused(raw: bytes) -> dict[Refusal, int]:
    result = outcome(raw)
    assert list(result.readings) == []
    return dict(result.rejected)


POINT = "resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints[0]"
FIELDS = [
    *("resource", "attributes", "key", "value", "stringValue", "intValue", "bytesValue", "arrayValue", "kvlistValue"),
    *("values", "scopeMetrics", "scope", "name", "metrics", "gauge", "sum", "histogram", "dataPoints", "exemplars"),
    *("asDouble", "asInt", "flags", "timeUnixNano", "startTimeUnixNano", "aggregationTemporality", "isMonotonic"),
    *("[ext]", "more"),
]


class TestTaken:
    def test_a_gauge_in_the_catalogues_unit(self) -> None:
        reading = only(body(gauge("a.level", point(250.0))))
        assert (reading.tenant, reading.source, reading.device) == ("acme", "otel", "PC-17")
        assert (reading.metric, reading.value, reading.event_time_ms) == ("level", 0.25, AT)
        assert (reading.covers_ms, reading.application) == (0, "")

    @pytest.mark.parametrize("seven", ["7", 7])
    @pytest.mark.parametrize("time", [str(AT * 1_000_000), AT * 1_000_000])
    def test_integers_of_64_bits_as_text_or_as_numbers(self, seven: object, time: object) -> None:
        reading = only(body(gauge("a.level", {"asInt": seven, "timeUnixNano": time})))
        assert (reading.value, reading.event_time_ms) == (0.007, AT)

    def test_a_delta_covers_its_interval(self) -> None:
        reading = only(body(total("a.sum", point(3, startTimeUnixNano=str(FROM * 1_000_000)))))
        assert (reading.metric, reading.value, reading.covers_ms) == ("added", 3.0, 10_000)

    @pytest.mark.parametrize("start_ms", [0, AT + 1, AT - 86_400_001])
    def test_an_interval_that_makes_no_sense_is_not_known(self, start_ms: int) -> None:
        assert only(body(total("a.sum", point(3, startTimeUnixNano=str(start_ms * 1_000_000))))).covers_ms == 0

    def test_a_cumulative_sum_that_goes_up_and_down_is_a_level(self) -> None:
        assert only(body(total("a.level", point(5.0), temporality=2, is_monotonic=False))).value == 0.005

    def test_the_points_that_the_catalogue_selects(self) -> None:
        selected: list[dict[str, object]] = [
            {"state": "idle", "cpu": 2},
            {"state": "user", "cpu": 1},
            {"state": "user"},
        ]
        points = [point(number, attributes=pairs(attributes)) for number, attributes in enumerate(selected)]
        result = outcome(body(gauge("cpu", *points)))
        assert [(reading.metric, reading.value) for reading in result.readings] == [("idle", 0.0), ("first", 1.0)]
        assert result.rejected == {Refusal.FILTERED: 1}

    def test_one_point_may_feed_two_metrics(self) -> None:
        result = outcome(body(gauge("cpu", point(attributes=pairs({"state": "idle", "cpu": 1})))))
        assert {reading.metric for reading in result.readings} == {"idle", "first"}
        assert len({reading.event_id for reading in result.readings}) == 2
        assert result.rejected_points == 0

    @pytest.mark.parametrize(
        ("of_resource", "of_point", "expected"),
        [
            ("crm", None, "crm"),
            ("crm", "mail", "mail"),
            (None, "mail", "mail"),
            ("unknown_service:python", None, ""),
            (None, None, ""),
        ],
    )
    def test_the_application(self, of_resource: str | None, of_point: str | None, expected: str) -> None:
        resource = {"host.name": "PC-17"} | ({"service.name": of_resource} if of_resource else {})
        attributes = pairs({"service.name": of_point} if of_point else {})
        assert only(body(gauge("a.app", point(attributes=attributes)), resource=resource)).application == expected

    def test_unknown_fields_are_ignored(self) -> None:
        metric = gauge("a.level", point(newField={"deep": [1]})) | {"shade": "blue"}
        document = json.loads(body(metric)) | {"more": [{}]}
        assert only(json.dumps(document).encode()).metric == "level"

    @pytest.mark.parametrize("trace_id", ["5b8efff798038103d269b633813fc60c", "5b8", "not hexadecimal"])
    def test_exemplars_are_ignored_whatever_their_ids(self, trace_id: str) -> None:
        exemplar = {"asDouble": 1.0, "timeUnixNano": "1", "spanId": "eee19b7ec3c1b174", "traceId": trace_id}
        assert only(body(gauge("a.level", point(exemplars=[exemplar])))).metric == "level"


class TestRefused:
    def test_cumulative_monotonic_sums_with_advice(self) -> None:
        result = outcome(body(total("a.sum", point(), point(), temporality=2)))
        assert result.rejected == {Refusal.CUMULATIVE: 2}
        assert (
            result.explanation == "2 data points of cumulative monotonic sums; set the exporter's temporality to delta"
        )

    def test_unlisted_metrics_count_each_point(self) -> None:
        raw = body(gauge("b", point(), point()), total("c", point(), temporality=2), gauge("a.level", point()))
        result = outcome(raw)
        assert [reading.metric for reading in result.readings] == ["level"]
        assert result.rejected == {Refusal.UNLISTED: 3}
        assert result.rejected_points == 3

    def test_all_reasons_are_told_in_one_line(self) -> None:
        result = outcome(body(gauge("b", point()), gauge("a.level", point("NaN"), point("NaN"))))
        assert result.explanation == (
            "1 data point of metrics that the catalogue does not list; "
            "2 data points with a value that is not finite or beyond 2^43 in the catalogue's unit"
        )

    @pytest.mark.parametrize("resource", [{}, {"host.name": ""}, {"host.name": "x" * 201}, {"host.id": "PC-17"}])
    def test_points_without_a_device(self, resource: dict[str, object]) -> None:
        assert refused(body(gauge("a.level", point()), resource=resource)) == {Refusal.NO_DEVICE: 1}

    @pytest.mark.parametrize("kind", ["histogram", "exponentialHistogram", "summary"])
    def test_distributions(self, kind: str) -> None:
        points = [{"timeUnixNano": "1", "count": "3", "sum": 4.0}]
        assert refused(body({"name": "a.level", kind: {"dataPoints": points}})) == {Refusal.UNSUPPORTED: 1}

    def test_sums_that_do_not_say_what_they_are(self) -> None:
        assert refused(body(total("a.sum", point(), temporality=0))) == {Refusal.UNSUPPORTED: 1}

    def test_amounts_where_the_catalogue_has_levels_and_the_reverse(self) -> None:
        assert refused(body(total("a.level", point()))) == {Refusal.KIND: 1}
        assert refused(body(gauge("a.sum", point()))) == {Refusal.KIND: 1}

    @pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", 1e300, 2.0**43 * 1000])
    def test_numbers_that_are_none_or_too_large(self, value: object) -> None:
        assert refused(body(gauge("a.level", point(value)))) == {Refusal.RANGE: 1}

    def test_points_without_time_or_value(self) -> None:
        assert refused(body(gauge("a.level", point(timeUnixNano="0")))) == {Refusal.NO_TIME: 1}
        assert refused(body(gauge("a.level", {"timeUnixNano": "1"}))) == {Refusal.NO_VALUE: 1}
        assert refused(body(gauge("a.level", point(flags=1)))) == {Refusal.NO_VALUE: 1}

    @pytest.mark.parametrize("name", ["x" * 121, "cr\x1bm"])
    def test_application_names_that_cannot_be_a_dimension(self, name: str) -> None:
        attributes = pairs({"service.name": name})
        assert refused(body(gauge("a.app", point(attributes=attributes)))) == {Refusal.APPLICATION: 1}

    def test_a_metric_without_data_is_nothing(self) -> None:
        assert outcome(body({"name": "a.level"})) == Outcome([], {})


class TestEventId:
    def test_is_the_same_for_the_same_point_in_either_encoding_and_any_order(self) -> None:
        attributes = {"state": "idle", "cpu": 1}
        raw = body(
            gauge("cpu", point(attributes=pairs(attributes))), resource={"host.name": "PC-17", "os.type": "linux"}
        )
        turned = body(
            gauge("cpu", point(attributes=pairs(attributes)[::-1])), resource={"os.type": "linux", "host.name": "PC-17"}
        )
        binary = to_telemetry(parse_protobuf(parse_json(raw).SerializeToString()), CATALOGUE, "acme", "otel")
        ids = [[reading.event_id for reading in result.readings] for result in (outcome(raw), outcome(turned), binary)]
        assert ids[0] == ids[1] == ids[2]
        assert {len(event_id) for event_id in ids[0]} == {32}

    def test_differs_with_whatever_makes_another_point(self) -> None:
        variants = [
            outcome(body(gauge("a.level", point()))),
            outcome(body(gauge("a.level", point(timeUnixNano=str((AT + 1) * 1_000_000))))),
            outcome(body(gauge("a.level", point(attributes=pairs({"disk": "a"}))))),
            outcome(body(gauge("a.level", point(attributes=pairs({"dis": "ka"}))))),
            outcome(body(gauge("a.level", point()), resource={"host.name": "PC-18"})),
            outcome(body(gauge("a.level", point()), resource={"host.name": "PC-17", "os.type": "linux"})),
            outcome(body(gauge("a.level", point()), scope="other")),
            outcome(body(gauge("a.app", point()))),
            outcome(body(gauge("a.level", point())), tenant="other"),
        ]
        ids = {reading.event_id for variant in variants for reading in variant.readings}
        assert len(ids) == len(variants)

    def test_does_not_depend_on_the_value(self) -> None:
        first, second = (only(body(gauge("a.level", point(value)))) for value in (1.0, 2.0))
        assert first.event_id == second.event_id


class TestBodies:
    @pytest.mark.parametrize(
        ("raw", "expected"),
        [
            (b"", "body: not JSON in UTF-8"),
            (b"{", "body: not JSON in UTF-8"),
            (b"\xff{}", "body: not JSON in UTF-8"),
            ('{"a":1}'.encode("utf-16"), "body: not JSON in UTF-8"),
            (b"[" * 100_000, "body: not JSON in UTF-8"),
            (b'{"resourceMetrics":[{"a":NaN}]}', "body: not JSON in UTF-8"),
            (b"[]", "body: expected a JSON object with resourceMetrics"),
            (b"null", "body: expected a JSON object with resourceMetrics"),
        ],
    )
    def test_malformed_json(self, raw: bytes, expected: str) -> None:
        with pytest.raises(OtlpError) as error:
            parse_json(raw)
        assert str(error.value) == expected

    @pytest.mark.parametrize(
        ("raw", "place"),
        [
            (b'{"resourceMetrics":7}', "resourceMetrics"),
            (b'{"resourceMetrics":[7]}', "resourceMetrics"),
            (body(7), "resourceMetrics.scopeMetrics.metrics"),
            (body(gauge("a.level", point("Ola at N."))), f"{POINT}.asDouble"),
            (body(gauge("a.level", point(attributes=7))), POINT),
            (body(gauge("a.level", {"asInt": str(2**63)})), "resourceMetrics.scopeMetrics.metrics.dataPoints.asInt"),
            (body(gauge("a.level", point(flags=-1))), "resourceMetrics.scopeMetrics.metrics.dataPoints.flags"),
        ],
    )
    def test_a_wrong_type_is_told_by_place(self, raw: bytes, place: str) -> None:
        with pytest.raises(OtlpError) as error:
            parse_json(raw)
        assert str(error.value) == f"{place}: not what OTLP has there"

    @pytest.mark.parametrize("raw", [b"\xff", b"\x0a\xff", b"\x0a\x02\x0a\x09", b"{}", b"\x0a" * 1000])
    def test_malformed_protobuf(self, raw: bytes) -> None:
        with pytest.raises(OtlpError, match="body: not a protobuf ExportMetricsServiceRequest"):
            parse_protobuf(raw)

    def test_an_empty_request_is_a_request(self) -> None:
        assert to_telemetry(parse_protobuf(b""), CATALOGUE, "acme", "otel") == Outcome([], {})
        assert outcome(b"{}") == Outcome([], {})

    @given(st.binary(max_size=300))
    def test_any_bytes(self, raw: bytes) -> None:
        check_any(raw)

    @given(st.data())
    def test_any_byte_changed(self, data: st.DataObject) -> None:
        raw = body(gauge("cpu", point(attributes=pairs({"state": "idle"}))), total("a.sum", point(3)))
        for form in (raw, parse_json(raw).SerializeToString()):
            changed = bytearray(form)
            changed[data.draw(st.integers(0, len(form) - 1))] = data.draw(st.integers(0, 255))
            check_any(bytes(changed))

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
            max_leaves=30,
        )
    )
    def test_any_shape(self, shape: object) -> None:
        check_any(json.dumps({"resourceMetrics": shape}).encode())
        check_any(body(shape))
        check_any(body(gauge("a.level", shape)))


def check_any(raw: bytes) -> None:
    """Whatever is taken from these bytes is good telemetry; whatever cannot be read is an OtlpError."""
    for parse in (parse_json, parse_protobuf):
        try:
            request = parse(raw)
        except OtlpError:
            continue
        for reading in to_telemetry(request, CATALOGUE, "acme", "otel").readings:
            as_event(reading)


def as_event(reading: Reading) -> Telemetry:
    event = Telemetry(
        event_id=reading.event_id,
        tenant=reading.tenant,
        source=reading.source,
        event_time_ms=reading.event_time_ms,
        device="0" * 32,
        metric=reading.metric,
        value=reading.value,
        covers_ms=reading.covers_ms,
        application=reading.application,
    )
    decoded = decode(encode_json(event))
    assert decoded == Ok(event)
    return event


@pytest.fixture
def export() -> Iterator[Request]:
    """What the SDK's own exporter would send for this machine, with delta temporality."""
    delta: dict[type, AggregationTemporality] = dict.fromkeys(
        (Counter, ObservableCounter), AggregationTemporality.DELTA
    )
    reader = InMemoryMetricReader(preferred_temporality=delta)
    provider = MeterProvider([reader], resource=Resource({"host.name": "PC-17", "service.name": "probe"}))
    instrumentor: Any = SystemMetricsInstrumentor()
    instrumentor.instrument(meter_provider=provider)
    try:
        reader.get_metrics_data()
        data = reader.get_metrics_data()
        assert data is not None
        yield encode_metrics(data)
    finally:
        instrumentor.uninstrument()
        provider.shutdown()


class TestRealExport:
    def test_this_machine_is_understood(self, export: Request) -> None:
        result = to_telemetry(parse_protobuf(export.SerializeToString()), SHIPPED, "acme", "otel")
        listed = {metric.name for metric in SHIPPED.metrics.values() if metric.otlp}
        found = {reading.metric for reading in result.readings}
        assert found <= listed
        assert {"system.cpu.idle", "system.memory.used", "system.network.received", "process.memory.used"} <= found
        assert len(found) >= 12
        assert set(result.rejected) <= {Refusal.UNLISTED, Refusal.FILTERED}
        assert {
            as_event(reading).application for reading in result.readings if reading.metric == "process.threads"
        } == {"probe"}
        assert len({reading.event_id for reading in result.readings}) == len(result.readings)

    def test_json_and_protobuf_give_the_same_readings(self, export: Request) -> None:
        as_json = json_format.MessageToJson(export, use_integers_for_enums=True).encode()
        binary = to_telemetry(parse_protobuf(export.SerializeToString()), SHIPPED, "acme", "otel")
        assert to_telemetry(parse_json(as_json), SHIPPED, "acme", "otel") == binary
