"""The way of one worker to ClickHouse: a TCP proxy of our own that can lose, delay and hold what passes.

It reads whole HTTP messages, so that it can tell an insert from a question, and knows which part of an exchange it
destroys. What it did is counted where it happened: that is the evidence that a fault was real.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.block import TABLES, TileRow, tile_rows
from tests.chaos.http import Message, read_message

HOST = "127.0.0.1"
LIMIT_BYTES = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What happens to an insert, each with its probability from 0 to 1; the first that is drawn counts.

    Attributes:
        lost: It is carried out, and the answer is cut off.
        late: The client is cut off at once, and the insert is carried out some seconds later.
        slow: The answer comes some seconds later.
        seconds: Range of that delay.
    """

    lost: float = 0.0
    late: float = 0.0
    slow: float = 0.0
    seconds: tuple[float, float] = (1.0, 6.0)

    def draw(self, rng: random.Random) -> str:
        """Return "lost", "late", "slow" or ""."""
        luck = rng.random()
        for name, share in (("lost", self.lost), ("late", self.late), ("slow", self.slow)):
            if luck < share:
                return name
            luck -= share
        return ""


@dataclass(frozen=True, slots=True)
class Write:
    """Rows of one insert that ClickHouse acknowledged, and when (monotonic seconds)."""

    at_s: float
    worker: str
    table: str
    rows: frozenset[TileRow]


class Gate:
    """Forwards `127.0.0.1:port` to ClickHouse for one worker.

    Args:
        worker: Its name.
        target: Port of ClickHouse.
        rng: Draws the troubles.
        on_write: Told of each acknowledged write of tiles.
    """

    def __init__(self, worker: str, target: int, rng: random.Random, on_write: Callable[[Write], None]) -> None:
        self.port = 0
        self.trouble = Trouble()
        self.counts: Counter[str] = Counter()
        self.problem = ""
        self._worker = worker
        self._target = target
        self._rng = rng
        self._on_write = on_write
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()
        self._passing = asyncio.Event()
        self._passing.set()
        self._tasks: set[asyncio.Task[None]] = set()

    # What faults do.

    async def open(self) -> None:
        """Listen, if it does not; the first time on a free port, later on the same one."""
        if self._server is not None:
            return
        self._server = await asyncio.start_server(self._serve, HOST, self.port, limit=LIMIT_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Cut every connection and listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._cut()

    def hold(self) -> None:
        """Let inserts wait inside the gate."""
        self._passing.clear()

    def release(self) -> None:
        """Let them go on."""
        self._passing.set()

    def calm(self) -> None:
        """No trouble from now on; what is late is still under way."""
        self.trouble = Trouble()
        self.release()

    @property
    def under_way(self) -> int:
        """Inserts without a client that have not been carried out yet."""
        return len(self._tasks)

    async def close(self) -> None:
        """Cut everything."""
        self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _cut(self) -> None:
        for writer in list(self._clients):
            writer.transport.abort()

    # One connection.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while True:
                    await self._exchange(await read_message(reader), writer)
        finally:
            self._clients.discard(writer)
            writer.transport.abort()

    async def _exchange(self, request: Message, writer: asyncio.StreamWriter) -> None:
        """Carry out one request as today's trouble has it."""
        drawn = self.trouble.draw(self._rng) if request.table else ""
        if request.table and not self._passing.is_set():
            self.counts["held"] += 1
            await self._passing.wait()
        if drawn == "late":
            self._post_later(request)
            raise ConnectionAbortedError
        answer = await self._forward(request)
        if drawn == "lost":
            self.counts["lost"] += 1
            raise ConnectionAbortedError
        if drawn == "slow":
            self.counts["slow"] += 1
            await asyncio.sleep(self._delay_s())
        writer.write(answer.head + answer.wire)
        await writer.drain()

    def _delay_s(self) -> float:
        return self._rng.uniform(*self.trouble.seconds)

    def _post_later(self, request: Message) -> None:
        task = asyncio.create_task(self._post(request, self._delay_s()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _post(self, request: Message, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            answer = await self._forward(request)
            self.counts["late"] += answer.status == 200

    async def _forward(self, request: Message) -> Message:
        try:
            answer = await self._ask(request)
        except (OSError, asyncio.IncompleteReadError):
            self.counts["broken"] += 1
            raise
        if request.table:
            self.counts["inserts" if answer.status == 200 else "refused"] += 1
        if request.table in TABLES and answer.status == 200:
            self._tell(request.table, request.block)
        return answer

    def _tell(self, table: str, block: bytes) -> None:
        try:
            rows = frozenset(tile_rows(block))
        except ValueError as error:
            self.problem = f"{table}: {error}"  # no evidence, but the insert is none the worse for it
            return
        self._on_write(Write(time.monotonic(), self._worker, table, rows))

    async def _ask(self, request: Message) -> Message:
        reader, writer = await asyncio.open_connection(HOST, self._target, limit=LIMIT_BYTES)
        try:
            writer.write(request.head + request.wire)
            await writer.drain()
            return await read_message(reader)
        finally:
            writer.transport.abort()
