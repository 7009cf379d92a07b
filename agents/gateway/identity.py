"""Keyed pseudonyms: who sent an answer is replaced here, before anything else of xpulse sees it.

A pseudonym is HMAC-SHA256 of the normalised identity under the tenant's key, which is itself derived from the master
key: two tenants cannot compare their people. Whoever has the key file can try out names, so it is as secret as the
identities.
"""

from __future__ import annotations

import hmac
import re
import secrets
import stat
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Literal

from streams.errors import ConfigError

IdentityKind = Literal["person", "device"]

KEY_BYTES = 32
"""Length of the master key; bytes. The file holds it as hexadecimal digits."""
PSEUDONYM_CHARS = 32
"""Length of a pseudonym; lowercase hexadecimal digits (128 bits)."""
_REMEMBERED = 1 << 17
"""Identities whose pseudonyms are kept; some 250 bytes each."""
_PSEUDONYM = re.compile(f"[0-9a-f]{{{PSEUDONYM_CHARS}}}")
_OTHERS = stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP


def new_key_text() -> str:
    """Return the content of a new key file."""
    return f"{secrets.token_hex(KEY_BYTES)}\n"


def read_key(path: Path) -> bytes:
    """Return the master key.

    Args:
        path: A file of 64 or more hexadecimal digits, readable by its owner (and at most by its group).

    Raises:
        ConfigError: The file is missing, open to others, too short, or not hexadecimal.
    """
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise ConfigError(f"key file {path}: {error.strerror}") from error
    if mode & _OTHERS:
        raise ConfigError(
            f"key file {path}: mode {stat.S_IMODE(mode):04o} lets others in; allowed: 0600, 0400, 0640, 0440"
        )
    try:
        key = bytes.fromhex(text)
    except ValueError as error:
        raise ConfigError(f"key file {path}: not hexadecimal; expected {2 * KEY_BYTES} or more digits") from error
    if len(key) < KEY_BYTES:
        raise ConfigError(f"key file {path}: {len(text)} digits; expected {2 * KEY_BYTES} or more")
    return key


def normalised(identity: str) -> str:
    """Return the one spelling of an identity: compatibility-composed, case-folded, without surrounding blanks.

    Args:
        identity: As a source spells it: "Jane.Doe@Example.com ", "PC-17".

    Example:
        >>> normalised(" Ｊane.Doe@Example.COM ")
        'jane.doe@example.com'
    """
    if identity.isascii():
        return identity.lower().strip()
    # Folding can undo the composition and the other way round; this order is stable (Unicode, D147).
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", identity).casefold()).casefold()
    return unicodedata.normalize("NFKC", folded).strip()


def is_pseudonym(text: str) -> bool:
    """Return whether a text looks like a pseudonym.

    Example:
        >>> is_pseudonym("0123456789abcdef0123456789abcdef"), is_pseudonym("jane")
        (True, False)
    """
    return _PSEUDONYM.fullmatch(text) is not None


class Pseudonyms:
    """Turns identities into pseudonyms under one master key."""

    def __init__(self, master_key: bytes) -> None:
        self._master_key = master_key
        self._tenant_key = lru_cache(maxsize=1024)(self._derive)
        self.of = lru_cache(maxsize=_REMEMBERED)(self._compute)
        """`of(tenant, kind, identity)`: the pseudonym; empty if nothing is left of the identity but blanks."""

    def _derive(self, tenant: str) -> bytes:
        return hmac.digest(self._master_key, b"xpulse tenant key 1\0" + tenant.encode(), "sha256")

    def _compute(self, tenant: str, kind: IdentityKind, identity: str) -> str:
        name = normalised(identity)
        if not name:
            return ""
        digest = hmac.digest(self._tenant_key(tenant), f"{kind}\0{name}".encode(), "sha256")
        return digest.hex()[:PSEUDONYM_CHARS]
