"""A result as HTTP headers and body, as a ClickHouse server writes them."""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping

import lz4.frame
import zstandard

from agents.local.clickhouse.engine import Result
from agents.local.clickhouse.errors import StatementError
from agents.local.clickhouse.lexer import END, tokens

NAME = "xpulse-embedded"
TIMEZONE = "UTC"
_TYPES = (
    ("JSONEachRow", "application/x-ndjson; charset=UTF-8"),
    ("JSON", "application/json; charset=UTF-8"),
    ("CSV", "text/csv; charset=UTF-8; header=absent"),
    ("TabSeparated", "text/tab-separated-values; charset=UTF-8"),
    ("TSV", "text/tab-separated-values; charset=UTF-8"),
    ("XML", "application/xml; charset=UTF-8"),
    ("Pretty", "text/plain; charset=UTF-8"),
    ("Vertical", "text/plain; charset=UTF-8"),
)
_ENCODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "lz4": lz4.frame.compress,
    "zstd": lambda data: zstandard.ZstdCompressor(1).compress(data),
    "gzip": lambda data: gzip.compress(data, 1),
    "deflate": zlib.compress,
}


def base_headers(query_id: str) -> dict[str, str]:
    """Return the headers that every reply carries."""
    return {
        "X-ClickHouse-Server-Display-Name": NAME,
        "X-ClickHouse-Query-Id": query_id,
        "X-ClickHouse-Timezone": TIMEZONE,
        "Content-Type": "text/plain; charset=UTF-8",
    }


def error_headers(error: StatementError) -> dict[str, str]:
    """Return the headers that tell a client which error its reply is."""
    return {"X-ClickHouse-Exception-Code": str(error.code)}


def output_format(text: bytes, default: str) -> str:
    """Return the format that a reading statement is answered in: the one it names at its end, or `default`."""
    found = [*tokens(text), END]
    for word, name, after in zip(found, found[1:], [*found[2:], END], strict=False):
        is_last = after is END or after.is_sign(b";") or after.is_word(b"SETTINGS")
        if word.is_word(b"FORMAT") and name.is_word() and is_last:
            return text[name.start : name.end].decode()
    return default


def rows_headers(form: str) -> dict[str, str]:
    """Return the headers of a reply with rows in format `form`."""
    kind = next((kind for prefix, kind in _TYPES if form.startswith(prefix)), "application/octet-stream")
    return {"X-ClickHouse-Format": form, "Content-Type": kind}


def summary_header(result: Result, *, shows_reads: bool) -> dict[str, str]:
    """Return `X-ClickHouse-Summary`; without read counts for users who must not count rows behind views."""
    counts = {
        "read_rows": result.read_rows if shows_reads else 0,
        "read_bytes": result.read_bytes if shows_reads else 0,
        "result_rows": result.result_rows,
        "written_rows": result.written_rows,
        "written_bytes": result.written_bytes,
        "result_bytes": len(result.body),
        "elapsed_ns": result.elapsed_ns,
    }
    return {"X-ClickHouse-Summary": json.dumps({name: str(count) for name, count in counts.items()})}


def encode(body: bytes, accepted: str) -> tuple[bytes, dict[str, str]]:
    """Compress `body` by the first encoding of `Accept-Encoding` that is known; else leave it."""
    for part in accepted.split(","):
        name = part.split(";")[0].strip().lower()
        if body and name in _ENCODERS:
            return _ENCODERS[name](body), {"Content-Encoding": name}
    return body, {}
