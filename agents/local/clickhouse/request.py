"""One HTTP request as user, statement, settings and parameters, free of aiohttp."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass

from agents.local.clickhouse.errors import Code, refusal
from agents.local.clickhouse.users import User

# URL parameters of ClickHouse's HTTP interface that are not settings.
_TRANSPORT = frozenset(
    [
        "add_http_cors_header",
        "buffer_size",
        "cancel_http_readonly_queries_on_client_close",
        "client_protocol_version",
        "compress",
        "database",
        "decompress",
        "default_format",
        "enable_http_compression",
        "http_headers_progress_interval_ms",
        "http_write_exception_in_output_format",
        "network_compression_method",
        "network_zstd_compression_level",
        "password",
        "query",
        "query_id",
        "quota_key",
        "role",
        "send_progress_in_http_headers",
        "session_check",
        "session_id",
        "session_timeout",
        "stacktrace",
        "user",
        "wait_end_of_query",
    ]
)
_NAME = re.compile(r"[A-Za-z_]\w*\Z")

# What a read-only user may set: harmless ways to write the same result, and limits below the user's own.
_READER_FORMS = frozenset(
    [
        "cast_string_to_dynamic_use_inference",
        "date_time_input_format",
        "date_time_output_format",
        "input_format_binary_read_json_as_string",
        "output_format_binary_write_json_as_string",
        "output_format_json_named_tuples_as_objects",
        "output_format_json_quote_64bit_integers",
        "output_format_json_quote_denormals",
        "output_format_native_encode_types_in_binary_format",
        "output_format_native_use_flattened_dynamic_and_json_serialization",
        "session_timezone",
    ]
)
_READER_LIMITS = {
    "max_execution_time": "max_execution_time_s",
    "max_memory_usage": "max_memory_bytes",
    "max_result_rows": "max_result_rows",
    "max_result_bytes": "max_result_bytes",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One statement to run.

    Attributes:
        text: The statement, with its data if it is an INSERT with data.
        database: Current database for unqualified names.
        format: Output format when the statement names none.
        settings: Setting -> value as text, allowed for the user.
        parameters: Values of `{name:Type}`, escaped as in TabSeparated.
        is_get: Whether it came by GET, which only reads.
    """

    text: bytes
    database: str
    format: str
    settings: Mapping[str, str]
    parameters: Mapping[str, str]
    is_get: bool


def credentials(headers: Mapping[str, str], fields: Mapping[str, str]) -> tuple[str, str]:
    """Return (user name, password) from `Authorization: Basic`, else ClickHouse's headers, else URL parameters."""
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        return _basic(value)
    if "X-ClickHouse-User" in headers:
        return headers["X-ClickHouse-User"], headers.get("X-ClickHouse-Key", "")
    return fields.get("user", ""), fields.get("password", "")


def _basic(value: str) -> tuple[str, str]:
    try:
        name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise refusal(Code.AUTHENTICATION_FAILED, "Invalid HTTP Basic authentication.") from error
    return name, password


def build_request(
    user: User, headers: Mapping[str, str], fields: Mapping[str, str], body: bytes, *, is_get: bool
) -> Request:
    """Put a request together.

    Args:
        user: Who asks; decides on the database and on what may be set.
        headers: Headers of the request; names match in any case.
        fields: URL parameters, and form fields of a multipart request.
        body: Uncompressed body; it continues the `query` parameter on a new line.
        is_get: Whether the method is GET or HEAD.

    Raises:
        StatementError: A setting that the user may not change, or a name that is no setting.
    """
    query = fields.get("query", "").encode(errors="surrogateescape")
    return Request(
        text=query + b"\n" + body if query and body else query or body,
        database=_database(user, headers.get("X-ClickHouse-Database") or fields.get("database", "")),
        format=_format(headers.get("X-ClickHouse-Format") or fields.get("default_format") or "TabSeparated"),
        settings=_settings(user, fields),
        parameters={name[6:]: value for name, value in fields.items() if name.startswith("param_")},
        is_get=is_get,
    )


def _database(user: User, name: str) -> str:
    # Clients name `default` when nobody chose; the engine's `default` shows the file system and is never used.
    return user.database if name in ("", "default") else name


def _format(name: str) -> str:
    if not _NAME.match(name):
        raise refusal(Code.BAD_ARGUMENTS, "The output format is not a name.")
    return name


def _settings(user: User, fields: Mapping[str, str]) -> dict[str, str]:
    names = [name for name in fields if name not in _TRANSPORT and not name.startswith("param_")]
    bad = next((name for name in names if not _NAME.match(name)), None)
    if bad is not None:
        raise refusal(Code.BAD_ARGUMENTS, "A URL parameter is not a name of a setting.")
    if user.may_write:
        return {name: fields[name] for name in names}
    return {name: _reader_setting(user, name, fields[name]) for name in names}


def _reader_setting(user: User, name: str, value: str) -> str:
    if name in _READER_FORMS:
        return value
    if name not in _READER_LIMITS:
        raise refusal(Code.READONLY, f"Cannot modify '{name}' setting in readonly mode.")
    most = int(getattr(user, _READER_LIMITS[name]))
    wanted = int(value) if value.isdecimal() else most
    return str(min(wanted, most) if wanted and most else max(wanted, most))
