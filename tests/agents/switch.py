"""A TCP forwarder that can be switched off: a service that is away for a while, at an address that stays."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Switch:
    """Forwards `127.0.0.1:port` to a target while it is on; off, connections are cut and new ones refused."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self._target = host, port
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    def on(self) -> None:
        """Listen; the first time on a free port, later on the same one."""
        self._call(self._listen())

    def off(self) -> None:
        """Cut every connection and listen no more."""
        self._call(self._cut())

    def _call(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)  # type: ignore[arg-type]

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection(*self._target)
            self._open |= {writer, back}
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
            self._open -= {writer, back}

    def run(self) -> None:
        """Serve until `stop`; the body of a thread."""
        self._loop.run_forever()
        self._loop.close()

    def stop(self) -> None:
        """Cut everything and end the thread."""
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _end(self) -> None:
        await self._cut()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*rest, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextmanager
def switchable(host: str, port: int) -> Iterator[Switch]:
    """Run a switch, turned on."""
    switch = Switch(host, port)
    thread = threading.Thread(target=switch.run, daemon=True)
    thread.start()
    switch.on()
    try:
        yield switch
    finally:
        switch.stop()
        thread.join(timeout=10)
