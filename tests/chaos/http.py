"""As much of HTTP/1.1 as the gate needs: whole messages, kept as they came over the wire."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

_LENGTH = re.compile(rb"^content-length: *(\d+)\s*$", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding: *chunked\s*$", re.IGNORECASE | re.MULTILINE)
_INSERT = re.compile(rb"INSERT INTO `?(\w+)`? [^\n]*FORMAT Native\n")


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer.

    Attributes:
        head: First line and headers, with the empty line.
        wire: The body as it was sent.
        body: The body without the framing of chunks.
    """

    head: bytes
    wire: bytes
    body: bytes

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.head.split(b" ", 2)[1])

    @property
    def table(self) -> str | None:
        """The table that a request inserts into; None if it is no insert."""
        found = _INSERT.match(self.body)
        return found[1].decode() if found else None

    @property
    def block(self) -> bytes:
        """The data of an insert."""
        found = _INSERT.match(self.body)
        return self.body[found.end() :] if found else b""


async def read_message(reader: asyncio.StreamReader) -> Message:
    """Return the next message.

    Raises:
        asyncio.IncompleteReadError: The connection ended before or within it.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    if _CHUNKED.search(head):
        wire, body = await _read_chunks(reader)
        return Message(head, wire, body)
    length = _LENGTH.search(head)
    body = await reader.readexactly(int(length[1])) if length else b""
    return Message(head, body, body)


async def _read_chunks(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    wire, body = bytearray(), bytearray()
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        data = await reader.readexactly(size + 2)
        wire += line + data
        body += data[:-2]
        if size == 0:
            return bytes(wire), bytes(body)
