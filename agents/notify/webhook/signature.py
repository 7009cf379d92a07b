"""Signatures by the Standard Webhooks specification, version 1.0.0: who sent it, unchanged, and when.

A receiver computes the same over `id.timestamp.body`, compares in constant time, refuses old timestamps, and remembers
ids: the id of one state of one alert is the same at every attempt.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from agents.notify._port import Notice
from streams.errors import ConfigError

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a key, as the specification has it."""


def keys_of(text: str, *, source: str) -> tuple[bytes, ...]:
    """Return the keys of a secret file: one `whsec_…` a line; several while receivers change over.

    Args:
        text: Content of the file.
        source: Its name, for errors.

    Raises:
        ConfigError: No key, or one that is not of this form; names the line, never the secret.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise ConfigError(f"{source}: holds no secret; allowed: one {PREFIX}<base64 of 24 to 64 bytes> a line")
    return tuple(_key(line, f"{source}, line {number}") for number, line in lines)


def _key(line: str, where: str) -> bytes:
    try:
        key = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not line.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise ConfigError(f"{where}: not a secret; allowed: {PREFIX}<base64 of {SHORTEST} to {LONGEST} bytes>")
    return key


def message_id(notice: Notice) -> str:
    """Return what stays the same however often one state of one alert is sent."""
    return f"{notice.alert.alert_id}_{notice.alert.sequence}"


def headers_of(keys: Sequence[bytes], identity: str, body: bytes, now_s: int) -> dict[str, str]:
    """Return the headers of one attempt.

    Args:
        keys: One signature each; none = id and timestamp only.
        identity: Of the message.
        body: As it is sent.
        now_s: Seconds since 1970, UTC.
    """
    headers = {"webhook-id": identity, "webhook-timestamp": str(now_s)}
    if keys:
        signed = f"{identity}.{now_s}.".encode() + body
        headers["webhook-signature"] = " ".join(_signature(key, signed) for key in keys)
    return headers


def _signature(key: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
