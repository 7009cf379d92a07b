"""Reading a request's body within limits: its size on the wire and unpacked, and the memory of all bodies together."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from agents.gateway.answers import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request, and all of them together, may take.

    Attributes:
        body_bytes: Largest body, on the wire and unpacked.
        events: Most events in one request.
        waiting_bytes: All bodies that are being read or wait for the broker.
    """

    body_bytes: int = 4 << 20
    events: int = 10_000
    waiting_bytes: int = 64 << 20


_IDENTITY: Final = ("", "identity")
_GZIP: Final = 16 + zlib.MAX_WBITS


class Bodies:
    """Admits bodies while there is memory for them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting = 0

    @contextmanager
    def room(self, request: Request) -> Iterator[None]:
        """Hold room for the request's body until it is answered: for the largest one, if its size is not told.

        Raises:
            Refusal: 413 if the body says that it is too large, 429 if too many wait already.
        """
        needed = self._announced(request)
        if self._waiting + needed > self._limits.waiting_bytes:
            raise Refusal(429, "busy", "too many requests wait for the broker", retry_after_s=1)
        self._waiting += needed
        try:
            yield
        finally:
            self._waiting -= needed

    def _announced(self, request: Request) -> int:
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._limits.body_bytes:
            raise self._too_large()
        is_packed = request.headers.get("content-encoding", "").strip().lower() not in _IDENTITY
        return int(length) if length.isdecimal() and not is_packed else self._limits.body_bytes

    async def read(self, request: Request) -> bytes:
        """Return the body, unpacked.

        Raises:
            Refusal: 413 too large, 415 an encoding other than gzip, 400 broken gzip.
        """
        encoding = request.headers.get("content-encoding", "").strip().lower()
        if encoding in _IDENTITY:
            return b"".join([part async for part in self._within(request.stream())])
        if encoding != "gzip":
            raise Refusal(415, "encoding", "Content-Encoding: expected gzip, identity or none")
        return b"".join([part async for part in self._within(_unpacked(request.stream(), self._limits.body_bytes + 1))])

    async def _within(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        size = 0
        async for part in parts:
            size += len(part)
            if size > self._limits.body_bytes:
                raise self._too_large()
            yield part

    def _too_large(self) -> Refusal:
        return Refusal(413, "too_large", f"the body is larger than {self._limits.body_bytes} bytes")


async def _unpacked(parts: AsyncIterator[bytes], at_most: int) -> AsyncIterator[bytes]:
    """Yield what gzip packed, in pieces of at most `at_most` bytes: a small bomb stays small."""
    unpack = zlib.decompressobj(_GZIP)
    try:
        async for part in parts:
            rest = part
            while rest and not unpack.eof:
                yield unpack.decompress(rest, at_most)
                rest = unpack.unconsumed_tail
            if unpack.eof and (rest or unpack.unused_data):
                raise Refusal(400, "encoding", "something follows the gzip data")
    except zlib.error as error:
        raise Refusal(400, "encoding", "the body is not gzip") from error
    if not unpack.eof:
        raise Refusal(400, "encoding", "the gzip data ends too early")
