"""ClickHouse's block compression and checksum, against blocks that the engine itself wrote, and against other code."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.local.clickhouse.cityhash import city_hash_128
from agents.local.clickhouse.errors import StatementError
from agents.local.clickhouse.framing import pack, unpack
from agents.local.clickhouse.handshake import handshake_block, is_handshake

LIMIT = 1 << 26

# From city.CH128 of github.com/go-faster/city 1.0.1 (clickhouse-go's own), over bytes (7 i + i // 5) mod 256.
REFERENCE = {
    0: "2b9ac064fc9df03d291ee592c340b53c",
    1: "2264de61ab714ba07039e237496868f7",
    3: "e07a891e44244c90a549af712c7dd3ea",
    4: "1c70f36be39d8a6df6841ea386650ec9",
    7: "ad6920dbff814477cd6b19ff05e257b4",
    8: "3703c67231bba43d77af7131b01e0c1e",
    9: "52624bbebc52b4250b99d778a5168ec9",
    15: "5930f72833d01eb580b2cc3e698296de",
    16: "d00ff58438ab9629cad094843a0543ef",
    17: "4cdea27e9a7e569d46f579508af5e053",
    20: "6e3aa0dae12130ffbce2868399523c7f",
    24: "09c29dc4d284e2b891cfb3a5079bb4d5",
    25: "5702ab2a159779aba70fc9181e8ecfd2",
    31: "87dedde413bfafd6906f684fd07bd1e3",
    32: "82b9b221bddef2fb303f6b585fc8aa65",
    33: "f133f1f8343ba4e499bf19e688f936c5",
    48: "ab123d591fd487239243bca5e9408520",
    63: "0ff55037643ff11d0e940cc6ae26c78f",
    127: "169348c8f5bf3e9a24205f5f30851bc9",
    128: "e5295b552cbf02b7125c4610d7d9f00c",
    143: "1cc32442d4fdb206435c884c8d5c48f8",
    144: "2a8ade5ccca7b86288469b5419be9302",
    145: "f3cdf68d651aef4bc60bc24f29ec93de",
    160: "e60f40be1ea538a62b2c00aa3aa65091",
    176: "ec366a370421e4de071a63dae57b45ed",
    200: "779a38e432b0adeab532ac0660b831c9",
    239: "38fdf537918b0075be3b84a18118f019",
    240: "d8283731058eafa6634cb66647bb8384",
    255: "8f913bfe8c4490eaeab3467e04bf0a65",
    256: "61fe0aaab8bb66fdcf7ec14a4313d021",
    271: "b089b5e98511985246e62609a2cdd246",
    272: "f6c2c0c7af8660865b3ab1664ca8dc83",
    300: "707448e2ccdb78c203cc95163022fa23",
    400: "f21176d7f587a7c0720f36225cab3092",
    699: "d5633e799b7683267e6fa8b97ef634d0",
}


@pytest.mark.parametrize("size", sorted(REFERENCE))
def test_checksum_of_every_branch(size: int) -> None:
    data = bytes((7 * i + i // 5) % 256 for i in range(size))
    assert city_hash_128(data).hex() == REFERENCE[size]


@given(st.binary(max_size=3_000), st.sampled_from(["LZ4", "ZSTD", "NONE", "lz4"]))
def test_what_was_packed_comes_back(data: bytes, method: str) -> None:
    assert unpack(pack(data, method), LIMIT) == data


def test_several_blocks() -> None:
    data = bytes(range(256)) * 10_000
    packed = pack(data, "LZ4")
    assert len(packed) < len(data)
    assert unpack(packed + pack(b"more", "ZSTD"), LIMIT) == data + b"more"


@settings(max_examples=50)
@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_any_changed_byte_is_noticed(at: int, change: int) -> None:
    packed = bytearray(pack(b"some rows, some rows, some rows" * 9, "LZ4"))
    packed[at % len(packed)] ^= change
    with pytest.raises(StatementError):
        unpack(bytes(packed), LIMIT)


@pytest.mark.parametrize("cut", [1, 10, 20, 30])
def test_a_truncated_block_is_noticed(cut: int) -> None:
    with pytest.raises(StatementError, match="truncated"):
        unpack(pack(b"x" * 40, "NONE")[:-cut], LIMIT)


def test_more_than_the_limit_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(StatementError, match="larger than 999 bytes"):
        unpack(pack(b"x" * 1000, "LZ4"), 999)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(StatementError, match="allowed: LZ4, ZSTD, NONE"):
        pack(b"x", "brotli")


@pytest.mark.integration
@pytest.mark.parametrize("codec", ["LZ4", "ZSTD(1)", "NONE"])
def test_blocks_that_the_engine_wrote(tmp_path: Path, codec: str) -> None:
    """A column file of a MergeTree table is a sequence of the same blocks."""
    script = f"""
import os; os.environ["TZ"] = "UTC"
from chdb import _chdb
engine = _chdb.connect({str(tmp_path / "engine")!r})
engine.query("CREATE DATABASE d")
engine.query('''
    CREATE TABLE d.t (a UInt64 CODEC({codec})) ENGINE = MergeTree ORDER BY tuple() SETTINGS min_bytes_for_wide_part = 0
''')
engine.query("INSERT INTO d.t SELECT intDiv(number, 3) FROM numbers(50000)")
engine.close()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    (file,) = (tmp_path / "engine" / "store").rglob("a.bin")
    assert unpack(file.read_bytes(), LIMIT) == struct.pack("<50000Q", *(i // 3 for i in range(50_000)))


class TestHandshake:
    QUESTION = b"SELECT displayName(), version(), revision(), timezone()"

    def test_only_the_question_of_a_new_client_gets_the_special_reply(self) -> None:
        assert is_handshake(self.QUESTION, "54460")
        assert not is_handshake(self.QUESTION, "54400")
        assert not is_handshake(self.QUESTION, "")
        assert not is_handshake(b"SELECT version()", "54460")

    def test_the_block(self) -> None:
        # As ch-go reads a block of revision 54460: block info, columns, rows, then per column name, type, flag, data.
        assert handshake_block("26.9") == (
            b"\x01\x00\x02\xff\xff\xff\xff\x00\x04\x01"
            b"\x0ddisplayName()\x06String\x00\x0fxpulse-embedded"
            b"\x09version()\x06String\x00\x0426.9"
            b"\x0arevision()\x06UInt32\x00\x00\x00\x00\x00"
            b"\x0atimezone()\x06String\x00\x03UTC"
        )
