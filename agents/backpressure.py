"""Who takes in waits while too much waits for storage; who stores is woken then, and otherwise comes now and then."""

from __future__ import annotations

import asyncio
import contextlib

from agents.retry import backoff_s


class Backpressure:
    """Between an agent that takes in and the task that stores; both on one event loop.

    Args:
        flush_s: Longest wait before what came in is stored; seconds.

    Attributes:
        is_felt: The agent waits. May be read from another thread.
    """

    def __init__(self, flush_s: float) -> None:
        self.is_felt = False
        self._flush_s = flush_s
        self._wake = asyncio.Event()
        self._room = asyncio.Event()

    async def wait_for_room(self) -> None:
        """Wake who stores, and wait until there may be room: look again afterwards."""
        self._room.clear()
        self.hurry()
        self.is_felt = True
        try:
            await self._room.wait()
        finally:
            self.is_felt = False

    def hurry(self) -> None:
        """Let it be stored now."""
        self._wake.set()

    def give_room(self) -> None:
        """Something was stored, or is not wanted any more."""
        self._room.set()

    async def pause(self, failures: int) -> None:
        """Wait until it is time to store: sooner if somebody waits, with growing pauses after failures in a row."""
        if failures:
            await asyncio.sleep(backoff_s(failures))
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), self._flush_s)
        self._wake.clear()
