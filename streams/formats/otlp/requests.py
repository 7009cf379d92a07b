"""The bytes of an OTLP metrics request, in protobuf or in JSON, to protobuf's own objects."""

import json
import re
from typing import Any, NoReturn

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from streams.errors import XPulseError

Request = ExportMetricsServiceRequest

_CHAIN = re.compile(r"Failed to parse ([A-Za-z]+) field: ")
_PATH = re.compile(r" at ExportMetricsServiceRequest\.((?:[A-Za-z]+(?:\[\d+\])?\.?){1,12})")


class OtlpError(XPulseError):
    """A body that is no OTLP metrics request; the message says where, without repeating values."""


def parse_protobuf(body: bytes) -> Request:
    """Return the request in a protobuf body.

    Raises:
        OtlpError: The body is something else.
    """
    try:
        return Request.FromString(body)
    except DecodeError as error:
        raise OtlpError("body: not a protobuf ExportMetricsServiceRequest") from error


def parse_json(body: bytes) -> Request:
    """Return the request in a JSON body.

    Exemplars are dropped before they are read: OTLP writes their ids in hexadecimal where protobuf's JSON has base64.

    Raises:
        OtlpError: The body is something else.
    """
    try:
        document = json.loads(body.decode(), object_pairs_hook=_without_exemplars, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise OtlpError("body: not JSON in UTF-8") from error
    if not isinstance(document, dict):
        raise OtlpError("body: expected a JSON object with resourceMetrics")
    try:
        return json_format.ParseDict(document, Request(), ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise OtlpError(f"{_place(str(error))}: not what OTLP has there") from error


def _place(message: str) -> str:
    """Return the path that protobuf names at the end, else the chain of fields that it names before the fault."""
    if paths := _PATH.findall(message):
        return str(paths[-1]).rstrip(".")[:150]
    return ".".join(_CHAIN.findall(message)[:12])[:150] or "body"


def _without_exemplars(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: value for key, value in pairs if key != "exemplars"}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
