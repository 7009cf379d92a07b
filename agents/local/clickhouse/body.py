"""Undoing the compression of a request body; aiohttp itself undoes gzip, deflate, br and zstd."""

import lz4.frame

from agents.local.clickhouse.errors import Code, StatementError, refusal


def too_large(limit_bytes: int) -> StatementError:
    """Return the error for a request body above `limit_bytes`."""
    return refusal(Code.QUERY_IS_TOO_LARGE, f"Request body is larger than {limit_bytes} bytes.")


def unpack_lz4_frames(data: bytes, limit_bytes: int) -> bytes:
    """Return the content of all LZ4 frames in `data`.

    clickhouse-connect sends one frame per block; `lz4.frame.decompress` would read the first and drop the rest.

    Raises:
        StatementError: Damaged, truncated, or more than `limit_bytes` when unpacked.
    """
    parts: list[bytes] = []
    left = limit_bytes
    while data:
        part, data = _unpack_frame(data, left)
        left -= len(part)
        if left < 0:
            raise too_large(limit_bytes)
        parts.append(part)
    return b"".join(parts)


def _unpack_frame(data: bytes, left: int) -> tuple[bytes, bytes]:
    decompressor = lz4.frame.LZ4FrameDecompressor()
    try:
        part = decompressor.decompress(data, max_length=left + 1)
    except RuntimeError as error:
        raise refusal(Code.CANNOT_DECOMPRESS, f"Cannot decompress lz4: {error}") from error
    if not decompressor.eof and len(part) <= left:
        raise refusal(Code.CANNOT_DECOMPRESS, "Cannot decompress lz4: the last frame is truncated.")
    return part, decompressor.unused_data or b""
