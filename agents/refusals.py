"""Reading the topics that hold few, precious records: what can be decoded, what goes to quarantine, what failed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from agents.metrics import counter
from agents.retry import backoff_s
from agents.transport import Chunk
from agents.warehouse.client import Warehouse
from streams.codecs import Invalid, decode
from streams.errors import DeliveryError
from streams.events import Event

log = logging.getLogger(__name__)

E = TypeVar("E", bound=Event)

COLUMNS = ("topic", "incarnation", "partition", "offset", "recorded_at", "reason", "raw")


@dataclass(frozen=True, slots=True)
class Taken(Generic[E]):
    """A decoded record and where it lies; `stamp_ms` is its timestamp, ms UTC."""

    offset: int
    stamp_ms: int
    event: E


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that cannot be decoded, or is of another kind, and why."""

    partition: int
    offset: int
    stamp_ms: int
    reason: str
    raw: bytes


class RefusalStore(Protocol):
    """Where refused records go."""

    def store(self, refused: Sequence[Refused]) -> None:
        """Store them; returns once acknowledged. Blocks."""


def sort_out(
    chunk: Chunk, kind: type[E], objection: Callable[[E], str] = lambda _: ""
) -> tuple[list[Taken[E]], list[Refused]]:
    """Return the chunk's events of a kind, in order, and everything else with a reason.

    Args:
        chunk: Records of one partition.
        kind: What belongs on the topic.
        objection: Returns why an event cannot be used; empty if it can.
    """
    taken: list[Taken[E]] = []
    refused: list[Refused] = []
    for offset, (raw, stamp_ms) in enumerate(zip(chunk.values, chunk.stamps, strict=True), start=chunk.first):
        event, reason = _read(raw, kind)
        reason = reason if event is None else objection(event)
        if event is not None and not reason:
            taken.append(Taken(offset, stamp_ms, event))
        else:
            refused.append(Refused(chunk.partition, offset, stamp_ms, reason, raw or b""))
    return taken, refused


def _read(raw: bytes | None, kind: type[E]) -> tuple[E | None, str]:
    if raw is None:
        return None, "empty record"
    outcome = decode(raw)
    if isinstance(outcome, Invalid):
        return None, outcome.reason
    if not isinstance(outcome.event, kind):
        return None, f"signal {outcome.event.__struct_config__.tag} does not belong on this topic"
    return outcome.event, ""


class Quarantine:
    """The quarantine table, for one topic.

    Args:
        warehouse: A connection of its own.
        topic: Name of the topic.
        incarnation: The topic's id.
    """

    def __init__(self, warehouse: Warehouse, topic: str, incarnation: UUID) -> None:
        self._warehouse = warehouse
        self._topic = topic
        self._incarnation = incarnation

    def store(self, refused: Sequence[Refused]) -> None:
        """Store refused records; the same ones again change nothing.

        Raises:
            WarehouseError: Not acknowledged.
        """
        rows: list[list[Any]] = [
            [self._topic, self._incarnation, one.partition, one.offset, one.stamp_ms, one.reason, one.raw]
            for one in refused
        ]
        self._warehouse.insert_rows("quarantine", COLUMNS, rows)


async def put_away(store: RefusalStore, refused: Sequence[Refused], topic: str) -> None:
    """Store refused records, as often as it takes: nothing that follows them may be settled before."""
    failures = 0
    while refused:
        try:
            await asyncio.to_thread(store.store, refused)
        except Exception as error:  # noqa: BLE001 - the agent's boundary: any outcome but an answer is unknown
            # Never its text: ClickHouse may quote what it was sent.
            log.warning(
                "quarantine_failed topic=%s error=%s code=%s", topic, type(error).__name__, getattr(error, "code", None)
            )
            failures += 1
            await asyncio.sleep(backoff_s(failures))
            continue
        counter("xpulse_events_invalid_total").labels(topic).inc(len(refused))
        log.error("records_refused topic=%s count=%s first_reason=%s", topic, len(refused), refused[0].reason)
        return


def log_failure(log: logging.Logger, event: str, error: Exception) -> None:
    """Log what will be tried again; say more where trying again is not likely to help.

    Only for statements that carry published figures and judging states: ClickHouse may quote what it was sent.
    """
    code = getattr(error, "code", None)
    if isinstance(error, DeliveryError) and error.is_retryable:
        log.warning("%s error=%s code=%s", event, type(error).__name__, code)
    else:
        log.error("%s error=%s code=%s reason=%.500s", event, type(error).__name__, code, error)
