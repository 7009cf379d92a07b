"""The instruments of a chaos run do what they say: a fault that is counted happened, a truth is complete."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import numpy as np
import pytest

from agents.declared import read_catalogue
from agents.demo.check import metric_facts
from agents.settings import Settings
from agents.topics import RECORDS, TELEMETRY
from agents.warehouse.native import constant, encode_block, low_cardinality, numbers, text, uuids
from streams.profile import DEMO
from streams.simulate.oracle import Audit, Record, fold_topic
from tests.chaos import truth
from tests.chaos.block import TileRow, tile_rows
from tests.chaos.faults import FAULTS
from tests.chaos.gate import Gate, Trouble, Write
from tests.chaos.hostile import PARTITIONS, hostile
from tests.chaos.http import Message, read_message
from tests.chaos.plan import ONCE, plan

INSERT = b"INSERT INTO quarantine FORMAT Native\n"


def audit_block(partition: int, tile: int, his: list[int]) -> bytes:
    rows = len(his)
    return encode_block(
        [
            ("tenant", "LowCardinality(String)", low_cardinality([text(b"a"), text(b"bc")], np.arange(rows) % 2)),
            ("incarnation", "UUID", uuids(UUID(int=7), rows)),
            ("note", "String", text(b"x" * 300) * rows),
            ("partition", "UInt16", constant("UInt16", partition, rows)),
            ("tile", "UInt64", constant("UInt64", tile, rows)),
            ("hi", "UInt64", numbers("UInt64", his)),
            ("hist", "Array(Int32)", b"never read"),
        ],
        rows,
    )


def test_the_tiles_of_an_insert_are_read() -> None:
    assert tile_rows(audit_block(3, 9, [5, 6, 512])) == [TileRow(3, 9, 5), TileRow(3, 9, 6), TileRow(3, 9, 512)]


def test_a_column_that_cannot_be_read_is_said() -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        tile_rows(encode_block([("hist", "Array(Int32)", b"")], 1))


class Server:
    """Answers every request with 200 and remembers it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.was_asked = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.bodies.append((await read_message(reader)).body)
        self.was_asked.set()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nOk.")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def gate_to(server: Server, writes: list[Write]) -> AsyncIterator[Gate]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    gate = Gate("w", listening.sockets[0].getsockname()[1], random.Random(1), writes.append)
    await gate.open()
    try:
        yield gate
    finally:
        await gate.close()
        listening.close()


async def ask(gate: Gate, body: bytes) -> Message:
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    try:
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        return await asyncio.wait_for(read_message(reader), 10)
    finally:
        writer.transport.abort()


def through_a_gate(play: Callable[[Gate, Server, list[Write]], Awaitable[None]]) -> None:
    async def run() -> None:
        server, writes = Server(), list[Write]()
        async with gate_to(server, writes) as gate:
            await play(gate, server, writes)

    asyncio.run(run())


@pytest.mark.integration
class TestGate:
    def test_passes_on_and_tells_of_tiles(self) -> None:
        async def play(gate: Gate, server: Server, writes: list[Write]) -> None:
            body = b"INSERT INTO tile_audit FORMAT Native\n" + audit_block(1, 2, [3])
            assert (await ask(gate, body)).body == b"Ok."
            assert server.bodies == [body]
            assert [(w.worker, w.table, set(w.rows)) for w in writes] == [("w", "tile_audit", {TileRow(1, 2, 3)})]

        through_a_gate(play)

    def test_a_lost_answer_is_to_an_insert_that_was_carried_out(self) -> None:
        async def play(gate: Gate, server: Server, writes: list[Write]) -> None:
            gate.trouble = Trouble(lost=1.0)
            with pytest.raises(asyncio.IncompleteReadError):
                await ask(gate, INSERT)
            assert (server.bodies, gate.counts["lost"]) == ([INSERT], 1)
            assert (await ask(gate, b"SELECT 1")).body == b"Ok.", "questions are left alone"

        through_a_gate(play)

    def test_a_late_insert_is_carried_out_without_its_client(self) -> None:
        async def play(gate: Gate, server: Server, writes: list[Write]) -> None:
            gate.trouble = Trouble(late=1.0, seconds=(0.2, 0.2))
            with pytest.raises(asyncio.IncompleteReadError):
                await ask(gate, INSERT)
            assert (server.bodies, gate.under_way) == ([], 1)
            await asyncio.wait_for(server.was_asked.wait(), 10)

        through_a_gate(play)

    def test_a_held_insert_goes_on_when_released(self) -> None:
        async def play(gate: Gate, server: Server, writes: list[Write]) -> None:
            gate.hold()
            held = asyncio.create_task(ask(gate, INSERT))
            assert (await ask(gate, b"SELECT 1")).body == b"Ok."
            assert not held.done()
            gate.release()
            assert (await held).body == b"Ok."
            assert server.bodies == [b"SELECT 1", INSERT]

        through_a_gate(play)

    def test_refuses_and_listens_again_on_the_same_port(self) -> None:
        async def play(gate: Gate, server: Server, writes: list[Write]) -> None:
            gate.refuse()
            with pytest.raises(OSError, match="Connect"):
                await ask(gate, INSERT)
            await gate.open()
            assert (await ask(gate, INSERT)).body == b"Ok."

        through_a_gate(play)


def test_the_same_seed_sends_the_same() -> None:
    letters = list(hostile(5, 3_000, "t"))
    assert letters == list(hostile(5, 3_000, "t"))
    assert letters != list(hostile(6, 3_000, "t"))
    assert len(letters) == 3_000
    assert {(one.topic, one.partition) for one in letters} == {(t, p) for t, n in PARTITIONS.items() for p in range(n)}


def as_records(topic: str) -> list[Record]:
    ends: Counter[int] = Counter()
    found = []
    for letter in hostile(8, 12_000, "t"):
        if letter.topic == topic:
            found.append(Record(letter.partition, ends[letter.partition], letter.stamp_ms, letter.value))
            ends[letter.partition] += 1
    return found


def test_every_fate_is_met_and_each_reject_is_known() -> None:
    records, facts = as_records(TELEMETRY), metric_facts(read_catalogue(Settings()))
    _, audits = fold_topic(
        records, facts, tile=DEMO.tile_size, horizon=DEMO.horizon, window_ms=DEMO.window_ms, grace_ms=DEMO.grace_ms
    )
    total = Audit(*map(sum, zip(*audits.values(), strict=True)))
    assert min(total.valid, total.invalid, total.duplicate, total.late, total.tick) > 30
    assert len(truth.telemetry_rejects(records, facts)) == total.invalid


def test_entities_of_every_kind_are_corrected_and_repeated() -> None:
    records = as_records(RECORDS)
    rows, rejects = truth.entities(records)
    assert {table for table, _, _ in rows} == {table for table, _, _ in truth.KINDS.values()}
    assert len(rows) + len(rejects) < len(records) - 100
    assert len(rejects) > 30


def test_a_plan_has_each_class_and_long_ones_once() -> None:
    acts = plan(3, list(FAULTS), 40)
    names = Counter(act.fault for act in acts)
    assert names.keys() == FAULTS.keys()
    assert [names[name] for name in ONCE] == [1]
    assert acts == plan(3, list(FAULTS), 40)
    assert len(plan(3, list(FAULTS), 4)) == 4
