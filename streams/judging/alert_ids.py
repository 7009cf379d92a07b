"""Names of alerts: hashes of what an episode is, so that a replay, or a second judge, gives the same ones."""

from hashlib import blake2b


def alert_id(tenant: str, target: str, detector: str, started_at_ms: int) -> str:
    """Return the id of one episode; 32 hexadecimal digits."""
    return _hash(tenant, target, detector, str(started_at_ms))


def dedup_key(tenant: str, target: str, detector: str) -> str:
    """Return the key that all episodes of a target and detector share, whatever the version; 32 hexadecimal digits."""
    return _hash(tenant, target, detector)


def _hash(*parts: str) -> str:
    digest = blake2b(digest_size=16)
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.hexdigest()
