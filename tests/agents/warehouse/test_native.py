"""Native blocks: what ClickHouse reads is what was put in."""

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.warehouse import native
from agents.warehouse.client import Warehouse

TYPES = [*native.DTYPES, "Int128", "UUID", "String", "Array(Int32)", "LowCardinality(String)"]


@given(st.integers(0, 2**64 - 1))
def test_varint_reads_back(value: int) -> None:
    raw = native.varint(value)
    assert sum((byte & 0x7F) << 7 * place for place, byte in enumerate(raw)) == value
    assert [byte >> 7 for byte in raw] == [1] * (len(raw) - 1) + [0]


def test_arrays_carry_cumulative_lengths() -> None:
    flat = native.numbers("Int32", [7, 8, 9])
    assert native.arrays(flat, np.array([2, 0, 1])) == native.numbers("UInt64", [2, 2, 3]) + flat


@pytest.mark.integration
def test_every_type_reads_back(store: Warehouse) -> None:
    rows, identity = 1_000, UUID("00112233-4455-6677-8899-aabbccddeeff")
    chance = np.random.default_rng(1)
    ints = {
        kind: chance.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, rows, dtype=np.dtype(dtype), endpoint=True)
        for kind, dtype in native.DTYPES.items()
        if np.dtype(dtype).kind in "iu" and not kind.startswith("DateTime")
    }
    seconds, millis = chance.integers(0, 2**32, rows), chance.integers(0, 4 * 10**12, rows)
    low, high = ints["UInt64"], ints["Int64"]
    lengths = chance.integers(0, 5, rows)
    flat = chance.integers(-(2**31), 2**31, int(lengths.sum()))
    texts = [b"", b"NO", "Ø€😀".encode(), b"x" * 300, bytes(range(256))]
    codes = chance.integers(0, len(texts), rows)
    names, numbered = [native.text(b"n%d" % i) for i in range(5_000)], chance.integers(0, 5_000, rows)
    floats = chance.normal(size=rows)
    columns = [(f"c_{kind}", kind, native.numbers(kind, values)) for kind, values in ints.items()]
    columns += [
        ("number", "UInt32", native.numbers("UInt32", np.arange(rows))),
        ("seven", "UInt16", native.constant("UInt16", 7, rows)),
        ("float", "Float64", native.numbers("Float64", floats)),
        ("seconds", "DateTime('UTC')", native.numbers("DateTime('UTC')", seconds)),
        ("millis", "DateTime64(3,'UTC')", native.numbers("DateTime64(3,'UTC')", millis)),
        ("big", "Int128", native.int128(low, high)),
        ("id", "UUID", native.uuids(identity, rows)),
        ("coded", "LowCardinality(String)", native.low_cardinality([native.text(text) for text in texts], codes)),
        ("many", "LowCardinality(String)", native.low_cardinality(names, numbered)),
        ("plain", "String", native.strings([texts[code] for code in codes])),
        ("list", "Array(Int32)", native.arrays(native.numbers("Int32", flat), lengths)),
    ]
    shape = ", ".join(f"`{name}` {kind}" for name, kind, _ in columns)
    store.command("DROP TABLE IF EXISTS every_type")
    store.command(f"CREATE TABLE every_type ({shape}) ENGINE = MergeTree ORDER BY number")
    block = native.encode_block(columns, rows)
    store.insert_native("every_type", block + block, 2 * rows)
    found = store.ask(
        f"SELECT {', '.join(f'`c_{kind}`' for kind in ints)}, seven, float, toUnixTimestamp(seconds),"
        " toUnixTimestamp64Milli(millis), toString(big), toString(id), hex(coded), many, hex(plain), list"
        " FROM every_type ORDER BY number"
    )
    store.command("DROP TABLE every_type")
    ends = np.cumsum(lengths)
    for row in range(rows):
        expected = (
            *(int(values[row]) for values in ints.values()), 7, floats[row], seconds[row], millis[row],
            str((int(high[row]) << 64) + int(low[row])), str(identity), texts[codes[row]].hex().upper(),
            f"n{numbered[row]}", texts[codes[row]].hex().upper(), flat[ends[row] - lengths[row] : ends[row]].tolist(),
        )  # fmt: skip
        assert found[2 * row] == found[2 * row + 1] == expected


@pytest.mark.integration
def test_columns_are_found_by_name_and_absent_ones_get_their_default(store: Warehouse) -> None:
    columns = [
        ("reason", "String", native.strings([b"why"])),
        ("offset", "UInt64", native.numbers("UInt64", [7])),
        ("raw", "String", native.strings([b"\x00\xff"])),
    ]
    store.insert_native("quarantine", native.encode_block(columns, 1), 1)
    assert store.ask("SELECT topic, offset, reason, hex(raw) FROM quarantine") == [("", 7, "why", "00FF")]
