"""Looking for the bytes of a pseudonym or an identity wherever xpulse keeps anything: tables, topics, files."""

from __future__ import annotations

import mmap
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource  # type: ignore[attr-defined]  # it is public

from agents.topics import Cluster
from agents.warehouse.client import Warehouse
from streams.errors import DeliveryError

_TEXTS = ("String", "UUID", "Enum")
_BATCH = 10_000
_QUIET_S = 5.0
"""How long a topic may say nothing before it counts as read; its ends are not known on the embedded broker."""
_FOREVER_MS = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One place that was looked at.

    Attributes:
        place: Table, topic or file.
        looked_at: Rows, records or bytes.
        found: How many of them (files: whether) name the person.
        until_ms: When the last of them is gone by itself; ms since the epoch, None = not known, or it stays.
    """

    place: str
    looked_at: int
    found: int
    until_ms: int | None = None


def scan_tables(warehouse: Warehouse, databases: Sequence[str], needles: Sequence[str]) -> Iterator[Sight]:
    """Look at every text in every table, and at the changes of tables that ClickHouse remembers.

    Args:
        warehouse: As the user that writes.
        databases: Names of ours; views show nothing that their tables do not hold.
        needles: What to look for.

    Raises:
        WarehouseError: No answer.
    """
    columns = warehouse.ask(
        "SELECT c.database, c.table, groupArray(c.name) FROM system.columns AS c "
        "INNER JOIN system.tables AS t ON t.database = c.database AND t.name = c.table "
        "WHERE c.database IN {databases:Array(String)} AND t.engine LIKE '%MergeTree' "
        "AND multiSearchAny(c.type, {texts:Array(String)}) GROUP BY c.database, c.table ORDER BY c.database, c.table",
        {"databases": list(databases), "texts": list(_TEXTS)},
    )
    places = [(f"{database}.{table}", sorted(names)) for database, table, names in columns]
    for place, names in [*places, ("system.mutations", ["command"])]:
        hits = " OR ".join(f"multiSearchAny(toString(`{name}`), {{needles:Array(String)}})" for name in names)
        sql = f"SELECT count(), countIf({hits}) FROM {place}"  # noqa: S608 - names that ClickHouse told us
        [(rows, found)] = warehouse.ask(sql, {"needles": list(needles)})
        yield Sight(place=place, looked_at=int(rows), found=int(found))


def scan_topics(brokers: str, topics: Iterable[str], needles: Sequence[str], *, within_s: float) -> Iterator[Sight]:
    """Read whole topics and look at each record.

    Args:
        brokers: `host:port[,host:port…]`.
        topics: Names; those that do not exist are left out.
        needles: What to look for.
        within_s: Longest time per topic; seconds.

    Raises:
        DeliveryError: The broker does not answer, or a topic is not read in time.
    """
    wanted = [needle.encode() for needle in needles]
    for topic, state in sorted(Cluster(brokers).states(topics).items()):
        records, found, newest_ms = _read(brokers, topic, state.partitions, wanted, within_s)
        kept_ms = _retention_ms(brokers, topic) if found else None
        until_ms = None if kept_ms is None or kept_ms == _FOREVER_MS else newest_ms + kept_ms
        yield Sight(place=f"topic {topic}", looked_at=records, found=found, until_ms=until_ms)


def _read(brokers: str, topic: str, partitions: int, wanted: Sequence[bytes], within_s: float) -> tuple[int, int, int]:
    settings = {"bootstrap.servers": brokers, "group.id": f"xpulse-scan-{uuid4().hex}", "enable.auto.commit": False}
    consumer = Consumer({**settings, "enable.partition.eof": True, "log_level": 0})
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(partitions)])
    records = found = newest_ms = 0
    ended: set[int] = set()
    started_ms, heard = time.time() * 1000, time.monotonic()
    deadline = heard + within_s
    try:
        while len(ended) < partitions and time.monotonic() - heard < _QUIET_S:
            if time.monotonic() > deadline:
                raise DeliveryError(f"topic {topic}: not read in {within_s:g} s", is_retryable=True)
            for message in consumer.consume(_BATCH, timeout=0.5):
                heard = time.monotonic()
                error = message.error()
                if error is not None:
                    ended |= {message.partition() or 0} if error.code() == KafkaError._PARTITION_EOF else set()  # noqa: SLF001
                    continue
                records += 1
                stamp_ms, raw = message.timestamp()[1], message.value() or b""
                if stamp_ms >= started_ms:  # written while we read: a tick, most likely
                    ended.add(message.partition() or 0)
                if any(needle in raw for needle in wanted):
                    found, newest_ms = found + 1, max(newest_ms, stamp_ms)
    finally:
        consumer.close()
    return records, found, newest_ms


def _retention_ms(brokers: str, topic: str) -> int | None:
    """Return how long the broker keeps a topic's records; ms, -1 = for ever, None = it does not say."""
    admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    try:
        found = admin.describe_configs([resource], request_timeout=5)[resource].result(timeout=6)
        return int(found["retention.ms"].value)
    except (KafkaException, TimeoutError, KeyError, TypeError, ValueError):
        return None


def scan_files(folders: Iterable[Path], needles: Sequence[str]) -> Iterator[Sight]:
    """Look at every file below some folders.

    Raises:
        OSError: A file cannot be read.
    """
    wanted = [needle.encode() for needle in needles]
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            size = path.stat().st_size
            yield Sight(place=f"file {path}", looked_at=size, found=int(size > 0 and _holds(path, wanted)))


def _holds(path: Path, wanted: Sequence[bytes]) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(needle) >= 0 for needle in wanted)
