"""Undoing the compression of a request body, whole and within a limit.

Not left to aiohttp: clients send several frames after one another (clickhouse-connect one LZ4 frame per block), a
missing end must be an error, and a small body must not unpack to a large one.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import lz4.frame
import zstandard

from agents.local.clickhouse.errors import Code, StatementError, refusal


class _Coding(NamedTuple):
    """A decompressor with `decompress`, `eof`, `unused_data`, and how much to feed at once.

    A step of n bytes gives at most about n times the coding's best ratio: 255 for LZ4, 1032 for zlib, 32,768 for zstd.
    """

    new: Callable[[], Any]
    step: int


_ANY_ZLIB_HEADER = 47  # gzip or zlib, found out from the first bytes
_CODINGS: Mapping[str, _Coding] = {
    "lz4": _Coding(lz4.frame.LZ4FrameDecompressor, 1 << 16),
    "gzip": _Coding(lambda: zlib.decompressobj(_ANY_ZLIB_HEADER), 1 << 15),
    "deflate": _Coding(lambda: zlib.decompressobj(_ANY_ZLIB_HEADER), 1 << 15),
    "zstd": _Coding(lambda: zstandard.ZstdDecompressor().decompressobj(), 1 << 10),
}


def too_large(limit_bytes: int) -> StatementError:
    """Return the error for a request body above `limit_bytes`."""
    return refusal(Code.QUERY_IS_TOO_LARGE, f"Request body is larger than {limit_bytes} bytes.")


def unpack_body(data: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Return the body that `data` stands for.

    Args:
        data: The body as sent.
        encoding: `Content-Encoding`: empty, lz4, gzip, deflate or zstd, in any case.
        limit_bytes: Most that it may unpack to.

    Raises:
        StatementError: Unknown encoding, damaged, truncated, or too large.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return data
    if name not in _CODINGS:
        allowed = ", ".join(_CODINGS)
        raise refusal(Code.UNKNOWN_COMPRESSION_METHOD, f"Unknown Content-Encoding of the body; allowed: {allowed}.")
    try:
        return _join(_frames(data, _CODINGS[name]), limit_bytes)
    except (RuntimeError, zlib.error, zstandard.ZstdError) as error:
        raise refusal(Code.CANNOT_DECOMPRESS, f"Cannot decompress {name}: {error}") from error


def _join(parts: Iterator[bytes], limit_bytes: int) -> bytes:
    found, size = [], 0
    for part in parts:
        size += len(part)
        if size > limit_bytes:
            raise too_large(limit_bytes)
        found.append(part)
    return b"".join(found)


def _frames(data: bytes, coding: _Coding) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        decompressor = coding.new()
        while not decompressor.eof:
            if at >= len(data):
                raise refusal(Code.CANNOT_DECOMPRESS, "Cannot decompress: the body is truncated.")
            yield decompressor.decompress(data[at : at + coding.step])
            at += coding.step
        at = min(at, len(data)) - len(decompressor.unused_data or b"")
