"""The structs and the schemas in `schemas/avro/` are one contract, told twice."""

import json
from pathlib import Path
from typing import Any, cast

import fastavro
import fastavro.schema
import msgspec
import pytest

from streams.avro import FORMS, FORMS_BY_HEADER, HEADER_BYTES, MARKER, NAMESPACE, PAST, Schema, fingerprint, schema_of
from streams.errors import InvariantError
from streams.events import EVENTS, Event, Telemetry, Tick

FOLDER = Path(__file__).parents[2] / "schemas" / "avro"


def load(signal: str) -> Schema:
    schema: Schema = json.loads((FOLDER / f"{signal}.avsc").read_text())
    return schema


def without_docs(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: without_docs(value) for key, value in part.items() if key != "doc"}
    return [without_docs(item) for item in part] if isinstance(part, list) else part


def test_every_event_has_a_schema_and_every_schema_an_event() -> None:
    assert {path.stem for path in FOLDER.glob("*.avsc")} == set(EVENTS)


def test_the_registry_names_each_event_by_its_tag() -> None:
    assert {kind.__struct_config__.tag: kind for kind in EVENTS.values()} == EVENTS
    assert {kind.__struct_config__.tag_field for kind in EVENTS.values()} == {"signal"}


def test_the_registry_holds_every_event_there_is() -> None:
    def leaves(kind: type[Event]) -> set[type[Event]]:
        children = kind.__subclasses__()
        return {leaf for child in children for leaf in leaves(child)} if children else {kind}

    assert leaves(Event) == set(EVENTS.values())


@pytest.mark.parametrize("signal", EVENTS)
class TestContract:
    def test_struct_and_schema_have_the_same_names_order_types_and_defaults(self, signal: str) -> None:
        assert without_docs(load(signal)) == schema_of(EVENTS[signal])

    def test_every_field_is_documented(self, signal: str) -> None:
        schema = load(signal)
        assert schema["doc"].endswith(".")
        assert [field["name"] for field in schema["fields"] if not field.get("doc", "").endswith(".")] == []

    def test_the_schema_reads_as_avro(self, signal: str) -> None:
        parsed = fastavro.parse_schema(load(signal))
        assert isinstance(parsed, dict)
        assert parsed["name"] == f"{NAMESPACE}.{EVENTS[signal].__name__}"

    def test_the_fingerprint_on_the_wire_is_that_of_the_file(self, signal: str) -> None:
        assert FORMS[EVENTS[signal]].header == MARKER + fingerprint(load(signal))

    def test_an_event_is_strict_and_cannot_be_changed(self, signal: str) -> None:
        config = EVENTS[signal].__struct_config__
        assert config.forbid_unknown_fields
        assert config.frozen

    def test_a_field_may_be_missing_exactly_where_the_schema_has_a_default(self, signal: str) -> None:
        required = [field["name"] for field in load(signal)["fields"] if "default" not in field]
        assert [info.name for info in msgspec.structs.fields(EVENTS[signal]) if info.required] == required


def test_types_have_one_name_in_the_whole_namespace() -> None:
    enums = [
        field["type"]["name"] for signal in EVENTS for field in load(signal)["fields"] if "symbols" in field["type"]
    ]
    names = enums + [kind.__name__ for kind in EVENTS.values()]
    assert len(names) == len(set(names))


def test_fingerprints_tell_the_events_apart() -> None:
    assert len(FORMS_BY_HEADER) == len(EVENTS) + sum(map(len, PAST.values()))
    assert {len(header) for header in FORMS_BY_HEADER} == {HEADER_BYTES}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("null", 7195948357588979594),
        ("boolean", -6970731678124411036),
        ("int", 8247732601305521295),
        ("long", -3434872931120570953),
    ],
)
def test_fingerprints_are_those_of_avros_own_table(schema: str, expected: int) -> None:
    assert int.from_bytes(fingerprint(schema), "little", signed=True) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"name": "gateway", "type": "bytes"},
        {"name": "gateways", "type": "string"},
        {"name": "gateway", "type": "string", "default": ""},
    ],
)
def test_the_comparison_notices_a_drift(change: Schema) -> None:
    drifted = load("tick")
    drifted["fields"][0] = change
    assert without_docs(drifted) != schema_of(Tick)


def test_a_type_without_an_avro_form_is_named() -> None:
    class Odd(msgspec.Struct):
        raw: bytes

    with pytest.raises(InvariantError, match="OddRaw"):
        schema_of(cast("type[Event]", Odd))


def test_a_reading_needs_only_what_identifies_it() -> None:
    reading = Telemetry(
        event_id="e-1",
        tenant="acme",
        source="curl",
        event_time_ms=0,
        device="d-1",
        metric="device.boot_time",
        value=41.5,
    )
    assert (reading.country, reading.covers_ms, reading.shared) == ("", 0, False)
