"""What Grafana allows, as data, and whether a value keeps to it.

`agents/screens/static/grafana.json` is written by `grafana/types/extract.mjs` from the npm packages @grafana/schema
(types) and @grafana/data (ids of units, reducers and transformations); it names their versions.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

FILE: Final = Path(__file__).parents[1] / "static" / "grafana.json"
Schema = Mapping[str, Any]

_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


@cache
def allowed() -> Schema:
    """Return what Grafana allows: `units`, `reducers`, `transformations`, `schemas` and their `source`."""
    found: Schema = orjson.loads(FILE.read_bytes())
    return found


def unlike(value: object, schema: Schema, where: str) -> Iterator[str]:
    """Yield where a value differs from a schema, and what would be allowed.

    Args:
        value: Any JSON.
        schema: A subset of JSON Schema: type, properties, required, items, enum, anyOf; `additional` is the schema of
            other properties, or whether there may be any. Empty = anything.
        where: Name of the value in messages.

    Example:
        >>> list(unlike({"sise": 1}, {"type": "object", "properties": {"size": {"type": "number"}}}, "look"))
        ['look.sise is unknown; allowed: size']
    """
    if "anyOf" in schema:
        found = [list(unlike(value, one, where)) for one in schema["anyOf"]]
        yield from [] if [] in found else min(found, key=len)
    elif "enum" in schema:
        if value not in schema["enum"]:
            yield f"{where} is {value!r}; allowed: {', '.join(map(repr, schema['enum']))}"
    elif "type" in schema:
        yield from _of_type(value, schema, where)


def _of_type(value: object, schema: Schema, where: str) -> Iterator[str]:
    wanted = _TYPES[schema["type"]]
    if not isinstance(value, wanted) or (isinstance(value, bool) and schema["type"] == "number"):
        yield f"{where} is {value!r}; allowed: {schema['type']}"
    elif isinstance(value, dict):
        yield from _of_object(value, schema, where)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from unlike(item, schema.get("items", {}), f"{where}[{number}]")


def _of_object(value: Mapping[str, Any], schema: Schema, where: str) -> Iterator[str]:
    known, others = schema.get("properties", {}), schema.get("additional", False)
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where}.{name} is missing"
    for name, part in value.items():
        if name in known:
            yield from unlike(part, known[name], f"{where}.{name}")
        elif others is False:
            yield f"{where}.{name} is unknown; allowed: {', '.join(sorted(known))}"
        elif others is not True:
            yield from unlike(part, others, f"{where}.{name}")
