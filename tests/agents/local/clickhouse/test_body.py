"""Compressed request bodies: several frames, missing ends, bombs."""

import gzip
import zlib
from collections.abc import Callable

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from agents.local.clickhouse.body import unpack_body
from agents.local.clickhouse.errors import StatementError

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "lz4": lz4.frame.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
LIMIT = 1 << 24
ENCODINGS = pytest.mark.parametrize("encoding", sorted(PACK))


@given(st.sampled_from(sorted(PACK)), st.lists(st.binary(max_size=2000), min_size=1, max_size=5))
def test_frames_come_back_in_order(encoding: str, parts: list[bytes]) -> None:
    packed = b"".join(PACK[encoding](part) for part in parts)
    assert unpack_body(packed, encoding.upper(), LIMIT) == b"".join(parts)


@ENCODINGS
def test_large_frames(encoding: str) -> None:
    data = bytes(i * i % 251 for i in range(700_000))
    assert unpack_body(PACK[encoding](data) * 3, encoding, LIMIT) == data * 3


@ENCODINGS
@pytest.mark.parametrize("cut", [1, 3, 9])
def test_a_missing_end_is_an_error(encoding: str, cut: int) -> None:
    packed = PACK[encoding](b"rows" * 3000)
    for body in (packed[:-cut], packed + packed[:-cut]):
        with pytest.raises(StatementError, match="271"):
            unpack_body(body, encoding, LIMIT)


@ENCODINGS
def test_garbage_is_an_error(encoding: str) -> None:
    with pytest.raises(StatementError, match="271"):
        unpack_body(b"SELECT 1", encoding, LIMIT)
    with pytest.raises(StatementError, match="271"):
        unpack_body(PACK[encoding](b"SELECT 1") + b"garbage", encoding, LIMIT)


@ENCODINGS
def test_a_bomb_is_refused(encoding: str) -> None:
    with pytest.raises(StatementError, match="larger than 1000000 bytes"):
        unpack_body(PACK[encoding](b"\0" * 20_000_000), encoding, 1_000_000)


def test_no_encoding() -> None:
    assert unpack_body(b"x", "", 1) == b"x"
    assert unpack_body(b"x", "identity", 1) == b"x"


def test_an_unknown_encoding_names_the_known() -> None:
    with pytest.raises(StatementError, match="allowed: lz4, gzip, deflate, zstd"):
        unpack_body(b"x", "snappy", 10)
