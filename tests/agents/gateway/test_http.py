"""The gateway's HTTP interface in this process, with the embedded broker behind it."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import httpx
import jsonschema
import pytest
import uvicorn
from fastapi import FastAPI
from google.protobuf import json_format
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # generated code without stubs
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from prometheus_client import REGISTRY

from agents.gateway.answers import REASONS
from agents.gateway.app import ROUTES, build_app
from agents.gateway.body import Limits
from agents.gateway.documents import EXAMPLES
from agents.gateway.identity import Pseudonyms
from agents.gateway.intake import DOORS
from agents.gateway.service import Setup
from agents.local.ports import free_port
from agents.topics import LOCAL_PARTITIONS, ensure_topics, partition_of, topic_incarnation
from streams.catalogue import Catalogue
from tests.agents.brokers import find_record, read_partition
from tests.agents.gateway.conftest import KEY, wait_until

pytestmark = pytest.mark.integration

SOME_NS = 1_772_440_867 * 10**9
TENANT = {"X-Xpulse-Tenant": "acme"}


def make_app(brokers: str, folder: Path, catalogue: Catalogue, **more: Any) -> FastAPI:
    return build_app(
        Setup(brokers=brokers, master_key=KEY, directory_dir=folder / "directory", catalogue=catalogue, **more)
    )


@contextmanager
def serving(app: FastAPI) -> Iterator[httpx.Client]:
    """Serve an application from a thread of this process."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False))
    thread = Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), lambda: "the gateway starts")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=90) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def topics(broker: str) -> str:
    ensure_topics(broker, LOCAL_PARTITIONS)
    return broker


@pytest.fixture(scope="module")
def client(topics: str, tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Iterator[httpx.Client]:
    with serving(make_app(topics, tmp_path_factory.mktemp("gateway"), catalogue, publish_within_s=60)) as client:
        yield client


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Iterator[httpx.Client]:
    """A gateway whose broker is away."""
    limits = Limits(body_bytes=10_000, waiting_bytes=20_000, events=20)
    folder = tmp_path_factory.mktemp("alone")
    app = make_app(f"127.0.0.1:{free_port()}", folder, catalogue, limits=limits, publish_within_s=1)
    with serving(app) as client:
        yield client


def feedback(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [{**EXAMPLES["feedback"], "event_id": f"e-{n}", "response_id": f"r-{n}", **changes} for n in range(count)]


@pytest.mark.parametrize("door", DOORS)
def test_examples_are_accepted(client: httpx.Client, door: str) -> None:
    answer = client.post(f"/v1/{door}", json=EXAMPLES[door])
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1})


@pytest.mark.parametrize(("door", "topic"), [("feedback", "records"), ("telemetry", "telemetry")])
def test_receipts_are_what_lies_on_the_topic(client: httpx.Client, topics: str, door: str, topic: str) -> None:
    events = [{**EXAMPLES[door], "event_id": f"{door}-{n}", "device": f"PC-{n}"} for n in range(200)]
    if door == "feedback":
        events = feedback(200)
    answer = client.post(f"/v1/{door}?receipts=true", json=events).json()
    assert answer["accepted"] == len(answer["records"]) == 200
    assert UUID(answer["incarnation"]) == topic_incarnation(topics, topic)
    for partition in range(LOCAL_PARTITIONS[topic]):
        mine = [(o, e["event_id"]) for (p, o), e in zip(answer["records"], events, strict=True) if p == partition]
        stored = read_partition(topics, topic, partition, max((o for o, _ in mine), default=-1) + 1)
        by_offset = {offset: json.loads(value) for offset, _, value, _ in stored if value}
        assert [by_offset[offset]["event_id"] for offset, _ in mine] == [event for _, event in mine]


def test_records_carry_the_time_of_receipt(client: httpx.Client, topics: str) -> None:
    ((partition, offset),) = client.post("/v1/telemetry?receipts=true", json=EXAMPLES["telemetry"]).json()["records"]
    stamp = read_partition(topics, "telemetry", partition, offset + 1)[-1][3]
    assert EXAMPLES["telemetry"]["event_time_ms"] != stamp
    ((_, later),) = client.post("/v1/telemetry?receipts=true", json=EXAMPLES["telemetry"]).json()["records"]
    assert read_partition(topics, "telemetry", partition, later + 1)[-1][3] >= stamp > 1_780_000_000_000


def test_a_bad_event_keeps_the_whole_request_out(client: httpx.Client, topics: str) -> None:
    first = client.post("/v1/feedback?receipts=true", json=feedback(1)).json()["records"][0][1]
    answer = client.post("/v1/feedback", json=[*feedback(3), *feedback(1, score=99)])
    assert answer.status_code == 422
    assert answer.json()["problems"] == [{"index": 3, "field": "score", "why": "expected int <= 10"}]
    assert "nothing of this request was accepted" in answer.json()["error"]
    last = client.post("/v1/feedback?receipts=true", json=feedback(1)).json()["records"][0][1]
    between = [value for offset, _, value, _ in read_partition(topics, "records", 0, last) if offset > first]
    assert all(json.loads(value)["signal"] == "tick" for value in between if value)


def test_gzip_is_unpacked(client: httpx.Client) -> None:
    body = gzip.compress(json.dumps(feedback(50)).encode())
    answer = client.post("/v1/feedback", content=body, headers={"Content-Encoding": "gzip"})
    assert answer.json() == {"accepted": 50}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"Content-Encoding": "br"}, 415),
        (b"{}", {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"{}", mtime=0)[:-4], {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"[]", mtime=0) + b"x", {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b" " * 5_000_000, mtime=0), {"Content-Encoding": "gzip"}, 413),
        (gzip.compress(b" " * 10_001, mtime=0), {"Content-Encoding": "gzip"}, 413),
        (b" " * 10_001, {}, 413),
        (b"nonsense", {}, 400),
        (b"[]", {"X-Xpulse-Tenant": ""}, 400),
    ],
)
def test_bodies_are_held_to_their_limits(
    alone: httpx.Client, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = alone.post("/v1/feedback", content=body, headers=headers)
    assert answer.status_code == status
    assert "nothing of this request was accepted" in answer.json()["error"]


def test_a_body_of_unknown_length_is_held_to_the_limit_too(alone: httpx.Client) -> None:
    answer = alone.post("/v1/feedback", content=(b" " * 1000 for _ in range(11)))
    assert answer.status_code == 413


def test_at_the_limit_a_body_is_read(alone: httpx.Client) -> None:
    answer = alone.post(
        "/v1/feedback", content=gzip.compress(b" " * 9_998 + b"[]", mtime=0), headers={"Content-Encoding": "gzip"}
    )
    assert (answer.status_code, answer.json()) == (202, {"accepted": 0})


def test_four_mebibytes_are_taken_and_no_byte_more(client: httpx.Client) -> None:
    assert client.post("/v1/feedback", content=b" " * ((4 << 20) - 2) + b"[]").status_code == 202
    assert client.post("/v1/feedback", content=b" " * ((4 << 20) - 1) + b"[]").status_code == 413


def test_too_many_events(alone: httpx.Client) -> None:
    assert alone.post("/v1/changes", content=b"[" + b"{}," * 20 + b"{}]").status_code == 413


def test_without_a_broker_the_sender_is_told_when_to_come_back(alone: httpx.Client) -> None:
    answer = alone.post("/v1/feedback", json=feedback(1))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert "send the whole request again" in answer.json()["error"]
    assert alone.get("/readyz").status_code == 503
    assert alone.get("/healthz").json() == {"status": "ok"}


def test_ready_says_what_is_missing(tmp_path: Path, catalogue: Catalogue, client: httpx.Client) -> None:
    wait_until(lambda: client.get("/readyz").status_code == 200, lambda: client.get("/readyz").text)
    assert client.get("/readyz").json() == {"ready": True, "problem": None}


def test_a_full_queue_is_answered_with_429(topics: str, tmp_path: Path, catalogue: Catalogue) -> None:
    app = make_app(topics, tmp_path, catalogue)
    with serving(app) as client:
        app.state.service._publisher._max = 10
        answer = client.post("/v1/feedback", json=feedback(11))
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        assert client.post("/v1/feedback", json=feedback(10)).status_code == 202


def test_memory_for_bodies_is_bounded(topics: str, tmp_path: Path, catalogue: Catalogue) -> None:
    with serving(make_app(topics, tmp_path, catalogue, limits=Limits(waiting_bytes=1_000))) as client:
        assert client.post("/v1/feedback", content=b" " * 1_001).status_code == 429
        assert client.post("/v1/feedback", content=b"[]").status_code == 202
        packed = client.post(
            "/v1/feedback", content=gzip.compress(b"[]", mtime=0), headers={"Content-Encoding": "gzip"}
        )
        assert packed.status_code == 429  # nobody knows yet how much it unpacks to


PROTOBUF = {"Content-Type": "application/x-protobuf", **TENANT}
OTLP_JSON = {"Content-Type": "application/json; charset=utf-8", **TENANT}


def otlp_request(catalogue: Catalogue, host: str) -> ExportMetricsServiceRequest:
    """One data point that the catalogue takes, with the attributes it asks for, and one that it does not."""
    entry = next(m.otlp for m in catalogue.metrics.values() if m.otlp is not None and m.kind == "gauge")
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.add(key="host.name").value.string_value = host
    scope = resource.scope_metrics.add()
    taken = scope.metrics.add(name=entry.name).gauge.data_points.add(as_double=0.5, time_unix_nano=SOME_NS)
    for name, values in entry.attributes.items():
        taken.attributes.add(key=name).value.string_value = values[0]
    scope.metrics.add(name="nobody.knows").gauge.data_points.add(as_int=7, time_unix_nano=SOME_NS)
    return request


def reading_of(brokers: str, host: str) -> dict[str, Any]:
    """Return the first reading of a device on the topic."""
    device = Pseudonyms(KEY).of("acme", "device", host)
    partition = partition_of(device.encode(), LOCAL_PARTITIONS["telemetry"])
    _, key, value, _ = find_record(brokers, "telemetry", partition, lambda value: device.encode() in value)
    assert value is not None
    assert key == device.encode()
    event: dict[str, Any] = json.loads(value)
    return event


@pytest.mark.parametrize("packed", [False, True])
def test_otlp_in_protobuf(client: httpx.Client, topics: str, catalogue: Catalogue, packed: bool) -> None:
    host = f"protobuf-{packed}"
    body = otlp_request(catalogue, host).SerializeToString()
    headers = PROTOBUF | ({"Content-Encoding": "gzip"} if packed else {})
    answer = client.post("/v1/metrics", content=gzip.compress(body, mtime=0) if packed else body, headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/x-protobuf")
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_data_points == 1
    assert partial.error_message == "1 data point of metrics that the catalogue does not list"
    reading = reading_of(topics, host)
    assert (reading["tenant"], reading["source"], reading["value"]) == ("acme", "otlp", 0.5)
    assert reading["event_time_ms"] == SOME_NS // 1_000_000


def test_otlp_in_json(client: httpx.Client, topics: str, catalogue: Catalogue) -> None:
    body = json_format.MessageToJson(otlp_request(catalogue, "json"))
    answer = client.post("/v1/metrics", content=body, headers=OTLP_JSON)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json()["partialSuccess"]["rejectedDataPoints"] == "1"
    assert reading_of(topics, "json")["value"] == 0.5


def test_otlp_without_anything_untaken_has_an_empty_answer(client: httpx.Client) -> None:
    assert client.post("/v1/metrics", content=b"", headers=PROTOBUF).content == b""
    assert client.post("/v1/metrics", content=b"{}", headers=OTLP_JSON).json() == {}


def test_otlp_of_a_blank_device_is_untaken(client: httpx.Client, catalogue: Catalogue) -> None:
    body = otlp_request(catalogue, " \u3000").SerializeToString()
    answer = client.post("/v1/metrics", content=body, headers=PROTOBUF)
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_data_points == 2
    assert "host.name" in partial.error_message


@pytest.mark.parametrize(
    ("headers", "body", "status", "says"),
    [
        (PROTOBUF, b"\xff\xff", 400, "not a protobuf"),
        (OTLP_JSON, b"nonsense", 400, "not JSON"),
        (PROTOBUF | {"Content-Encoding": "gzip"}, b"no gzip", 400, "not gzip"),
        ({"Content-Type": "application/x-protobuf"}, b"", 400, "X-Xpulse-Tenant"),
        ({"Content-Type": "application/json"}, b"{}", 400, "X-Xpulse-Tenant"),
        (PROTOBUF, b" " * 10_001, 413, "larger than 10000 bytes"),
    ],
)
def test_otlp_refusals_are_in_the_encoding_of_the_request(
    alone: httpx.Client, headers: dict[str, str], body: bytes, status: int, says: str
) -> None:
    answer = alone.post("/v1/metrics", content=body, headers=headers)
    assert answer.status_code == status
    if "protobuf" in headers["Content-Type"]:
        assert says in Status.FromString(answer.content).message
    else:
        assert says in answer.json()["message"]


def test_otlp_without_a_broker_is_to_be_sent_again(alone: httpx.Client, catalogue: Catalogue) -> None:
    body = otlp_request(catalogue, "PC-17").SerializeToString()
    answer = alone.post("/v1/metrics", content=body, headers=PROTOBUF)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_otlp_in_another_type_is_refused(alone: httpx.Client) -> None:
    answer = alone.post("/v1/metrics", content=b"", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert "application/x-protobuf" in answer.json()["error"]


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_the_opentelemetry_sdk_is_understood(
    client: httpx.Client, topics: str, catalogue: Catalogue, compression: Compression
) -> None:
    entry = next(m.otlp for m in catalogue.metrics.values() if m.otlp is not None and m.kind == "gauge")
    exporter = OTLPMetricExporter(endpoint=f"{client.base_url}/v1/metrics", headers=TENANT, compression=compression)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=600_000)
    host = f"sdk-{compression.value}"
    provider = MeterProvider([reader], resource=Resource({"host.name": host}))
    attributes = {name: values[0] for name, values in entry.attributes.items()}
    provider.get_meter("test").create_gauge(entry.name).set(0.25, attributes)
    assert provider.force_flush()
    provider.shutdown()
    reading = reading_of(topics, host)
    assert (reading["value"], reading["tenant"]) == (0.25 * entry.scale, "acme")


def test_openapi_describes_and_exemplifies_every_door(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    assert set(document["paths"]) | {"/docs", "/openapi.json"} == set(ROUTES)
    for door in DOORS.values():
        content = document["paths"][f"/v1/{door.name}"]["post"]["requestBody"]["content"]["application/json"]
        schema = {**content["schema"], "components": document["components"]}
        jsonschema.validate(content["example"], schema)
        jsonschema.validate([content["example"]], schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**content["example"], "mood": 1}, schema)


def test_the_page_shows_every_door_and_needs_no_script(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert all(f"POST /v1/{name}" in page for name in DOORS)
    assert "final, partial, retracted" in page
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_requests_rejections_and_events_are_counted(client: httpx.Client) -> None:
    names = {
        ("xpulse_gateway_requests_total", "feedback", "status", "2xx"): 1,
        ("xpulse_gateway_requests_total", "feedback", "status", "4xx"): 2,
        ("xpulse_gateway_rejections_total", "feedback", "reason", "invalid"): 1,
        ("xpulse_gateway_rejections_total", "feedback", "reason", "not_json"): 1,
        ("xpulse_gateway_requests_total", "other", "status", "4xx"): 1,
    }
    before = {key: sample(key[0], route=key[1], **{key[2]: key[3]}) for key in names}
    events = sample("xpulse_gateway_events_total", topic="records")
    client.post("/v1/feedback", json=feedback(7))
    client.post("/v1/feedback", json=feedback(1, score=99))
    client.post("/v1/feedback", content=b"x")
    client.get("/v1/somebody@example.com")
    assert {key: sample(key[0], route=key[1], **{key[2]: key[3]}) - n for key, n in before.items()} == names
    assert sample("xpulse_gateway_events_total", topic="records") - events == 7
    assert "somebody" not in client.get("/metrics").text


def test_reasons_of_rejections_are_a_fixed_list() -> None:
    assert len(REASONS) == len(set(REASONS)) == 10
