"""Records that were written by an earlier schema stay readable."""

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pytest

from streams.avro import FORMS_BY_HEADER, MARKER, PAST, fingerprint, schema_of
from streams.codecs import Ok, decode
from streams.events import EVENTS, Event

FOLDER = Path(__file__).parents[2] / "schemas" / "avro" / "history"
FILES = sorted(FOLDER.glob("*.avsc"))
_PLAIN = {"string": "x", "long": 7, "double": 0.5, "boolean": True}


def schema_in(file: Path) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(file.read_text())
    return schema


def value_of(avro_type: Any) -> Any:
    """Some value of an Avro type."""
    match avro_type:
        case ["null", _]:
            return None
        case {"type": "enum", "symbols": symbols}:
            return symbols[0]
        case {"type": "map"}:
            return {}
        case {"type": "array"}:
            return []
    return _PLAIN[avro_type]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_an_earlier_version_wrote_is_read_with_defaults_for_the_rest(file: Path) -> None:
    schema, kind = schema_in(file), EVENTS[file.name.split(".")[0]]
    fields = {field["name"]: field.get("default", value_of(field["type"])) for field in schema["fields"]}
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(schema), fields)
    result = decode(MARKER + fingerprint(schema) + buffer.getvalue())
    assert isinstance(result, Ok), result
    assert result.event == msgspec.convert(fields, kind)


@pytest.mark.parametrize("kind", PAST, ids=lambda kind: kind.__name__)
def test_every_earlier_version_is_on_file(kind: type[Event]) -> None:
    name = str(kind.__struct_config__.tag)
    on_file = {fingerprint(schema_in(file)) for file in FILES if file.name.split(".")[0] == name}
    known = {form.header[len(MARKER) :] for form in FORMS_BY_HEADER.values() if form.kind is kind}
    assert known == on_file | {fingerprint(schema_of(kind))}
    assert len(on_file) == len(PAST[kind])
