"""ClickHouse's own block compression, as `compress=1` and `decompress=1` ask for.

A block is: 16-byte checksum of the rest, 1 byte method, UInt32 size of the rest without checksum, UInt32 unpacked size,
data. clickhouse-go, and so Grafana's plugin over HTTP, reads results in it.
"""

import struct
from collections.abc import Iterator

import lz4.block
import zstandard

from agents.local.clickhouse.body import too_large
from agents.local.clickhouse.cityhash import city_hash_128
from agents.local.clickhouse.errors import Code, StatementError, refusal

_NONE, _LZ4, _ZSTD = 0x02, 0x82, 0x90
_HEADER = struct.Struct("<BII")
_CHECKSUM_BYTES = 16
_BLOCK_BYTES = 1 << 20


def pack(data: bytes, method: str) -> bytes:
    """Return `data` as compressed blocks.

    Args:
        data: Anything; empty gives nothing.
        method: `LZ4`, `ZSTD` or `NONE`, in any case.

    Raises:
        StatementError: Another method.
    """
    code = {"LZ4": _LZ4, "ZSTD": _ZSTD, "NONE": _NONE}.get(method.upper())
    if code is None:
        raise refusal(Code.UNKNOWN_COMPRESSION_METHOD, "Unknown compression method; allowed: LZ4, ZSTD, NONE.")
    return b"".join(_pack_block(data[at : at + _BLOCK_BYTES], code) for at in range(0, len(data), _BLOCK_BYTES))


def _pack_block(data: bytes, code: int) -> bytes:
    packed = data
    if code == _LZ4:
        packed = lz4.block.compress(data, store_size=False)
    elif code == _ZSTD:
        packed = zstandard.ZstdCompressor(1).compress(data)
    block = _HEADER.pack(code, _HEADER.size + len(packed), len(data)) + packed
    return city_hash_128(block) + block


def unpack(data: bytes, limit_bytes: int) -> bytes:
    """Return the content of compressed blocks.

    Raises:
        StatementError: Damaged, truncated, of an unknown method, or more than `limit_bytes` when unpacked.
    """
    return b"".join(_blocks(data, limit_bytes))


def _blocks(data: bytes, limit_bytes: int) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        code, size, unpacked_size = _header(data, at)
        limit_bytes -= unpacked_size
        if limit_bytes < 0:
            raise too_large(limit_bytes + unpacked_size)
        start, end = at + _CHECKSUM_BYTES, at + _CHECKSUM_BYTES + size
        if end > len(data):
            raise _damaged("the last block is truncated")
        if city_hash_128(data[start:end]) != data[at:start]:
            raise refusal(Code.CHECKSUM_DOESNT_MATCH, "Checksum of a compressed block does not match.")
        yield _unpack_block(code, data[start + _HEADER.size : end], unpacked_size)
        at = end


def _header(data: bytes, at: int) -> tuple[int, int, int]:
    try:
        code, size, unpacked_size = _HEADER.unpack_from(data, at + _CHECKSUM_BYTES)
    except struct.error as error:
        raise _damaged("the last block is truncated") from error
    if size < _HEADER.size:
        raise _damaged("a block is smaller than its header")
    return code, size, unpacked_size


def _unpack_block(code: int, packed: bytes, size: int) -> bytes:
    try:
        if code == _LZ4:
            data: bytes = lz4.block.decompress(packed, uncompressed_size=size)
        elif code == _ZSTD:
            data = zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
        elif code == _NONE:
            data = packed
        else:
            raise refusal(Code.UNKNOWN_COMPRESSION_METHOD, "Unknown compression method of a block.")
    except (lz4.block.LZ4BlockError, zstandard.ZstdError) as error:
        raise _damaged(str(error)) from error
    if len(data) != size:
        raise _damaged("a block has another size than its header says")
    return data


def _damaged(what: str) -> StatementError:
    return refusal(Code.CANNOT_DECOMPRESS, f"Cannot decompress: {what}.")
