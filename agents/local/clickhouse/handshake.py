"""The first reply that clickhouse-go expects over HTTP.

From version 2.35 on it asks for the server's revision, reads this one reply in the layout of the revision that it sent
(`client_protocol_version`), and every later one in the layout of the revision that it was told. The engine writes the
layout of revision 0, so that is what it is told.
"""

import re
import struct

from agents.local.clickhouse.reply import NAME, TIMEZONE

_QUESTION = re.compile(
    rb"\s*SELECT\s+displayName\(\)\s*,\s*version\(\)\s*,\s*revision\(\)\s*,\s*timezone\(\)\s*;?\s*\Z", re.IGNORECASE
)
_FIRST_REVISION = 54454  # from here on a block carries per column whether its serialisation is custom
_BLOCK_INFO = bytes([1, 0, 2]) + struct.pack("<i", -1) + bytes([0])


def is_handshake(text: bytes, client_revision: str) -> bool:
    """Say whether `text` is the question, from a client of a revision that needs the special reply."""
    return client_revision.isdecimal() and int(client_revision) >= _FIRST_REVISION and bool(_QUESTION.match(text))


def handshake_block(version: str) -> bytes:
    """Return the reply: one row in one Native block."""
    columns = [
        ("displayName()", "String", _text(NAME)),
        ("version()", "String", _text(version)),
        ("revision()", "UInt32", struct.pack("<I", 0)),
        ("timezone()", "String", _text(TIMEZONE)),
    ]
    body = b"".join(_text(name) + _text(kind) + b"\x00" + data for name, kind, data in columns)
    return _BLOCK_INFO + bytes([len(columns), 1]) + body


def _text(value: str) -> bytes:
    raw = value.encode()
    assert len(raw) < 128, "one byte of length"
    return bytes([len(raw)]) + raw
