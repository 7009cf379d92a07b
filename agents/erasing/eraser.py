"""Forgetting a person, step by step: a record into the log, the release past it, then everything destroyed.

The record makes the release drop the person's waiting answers from its epoch on. Only when that epoch is marked are the
raw rows destroyed, so what is published never depends on when that happens. Each step asks first what is there, so a
run that was killed is simply started again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from agents.erasing.tables import Held, PersonTables, Recorded
from agents.gateway.directory_load import count_person, forget_person
from agents.publisher import Publisher
from agents.topics import RECORDS
from streams.codecs import encode_json
from streams.errors import ConfigError, DeliveryError
from streams.events import Erasure

SOURCE = "xpulse-cli"
POLL_S = 0.5
TELL_S = 15.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who is to be forgotten, and where the gateway's directories lie."""

    tenant: str
    pseudonym: str
    directory_dir: Path


class Eraser:
    """Forgets one person.

    Args:
        tables: What ClickHouse holds of the person.
        person: Who.
        brokers: `host:port[,host:port…]`.
        within_s: Longest wait for the release; seconds.
        say: Told what happens, in lines for people that name nobody.
    """

    def __init__(self, tables: PersonTables, person: Person, brokers: str, *, within_s: float, say: Say) -> None:
        self._tables = tables
        self._person = person
        self._brokers = brokers
        self._within_s = within_s
        self._say = say

    def look(self) -> Held:
        """Say what there is, and change nothing.

        Raises:
            WarehouseError: No answer.
            ConfigError: The directory cannot be read.
        """
        held = self._tables.held()
        for table, rows in sorted(held.rows.items()):
            self._say(f"{table}: {rows} rows")
        if lines := count_person(self._person.directory_dir, self._person.tenant, self._person.pseudonym):
            self._say(f"directory: {lines} lines")
        return held

    def erase(self) -> Recorded:
        """Do it; return the erasure that holds now.

        Raises:
            ConfigError: Nothing of the person is held, and nothing ever was erased.
            DeliveryError: Broker or ClickHouse do not answer, or the release does not get past the record in time;
                run it again, it goes on from there.
        """
        held, before = self.look(), self._tables.recorded()
        directory, tenant, pseudonym = self._person.directory_dir, self._person.tenant, self._person.pseudonym
        if before is None and not held.rows and not count_person(directory, tenant, pseudonym):
            raise ConfigError(f"nothing of this person is held in tenant {tenant}; nothing was changed")
        forget_person(directory, tenant, pseudonym)
        erasure = before if before is not None and held.newest_ms <= before.log_ms else self._record()
        self._wait(lambda: self._tables.released_ms() >= erasure.log_ms, "the release has not passed the record yet")
        for table in self._tables.destroy(erasure.log_ms):
            self._say(f"{table}: done")
        return erasure

    def _record(self) -> Recorded:
        """Append the record and wait until it is stored."""
        erasure_id = f"erasure-{uuid4().hex}"
        asyncio.run(self._publish(erasure_id))
        self._say("the erasure is in the log")
        self._wait(lambda: self._is_stored(erasure_id), "the records worker has not stored the record yet")
        found = self._tables.recorded()
        assert found is not None
        return found

    def _is_stored(self, erasure_id: str) -> bool:
        found = self._tables.recorded()
        return found is not None and found.erasure_id == erasure_id

    async def _publish(self, erasure_id: str) -> None:
        now_ms = int(time.time() * 1000)
        record = Erasure(
            event_id=erasure_id,
            tenant=self._person.tenant,
            source=SOURCE,
            event_time_ms=now_ms,
            revision=0,
            erasure_id=erasure_id,
            subject=self._tables.subject,
        )
        publisher = Publisher(self._brokers)
        try:
            key = f"{record.tenant}/{erasure_id}".encode()
            await publisher.publish(RECORDS, [(key, encode_json(record), now_ms, None)])
        finally:
            publisher.close()

    def _wait(self, is_done: Callable[[], bool], what: str) -> None:
        deadline, told = time.monotonic() + self._within_s, time.monotonic()
        while not is_done():
            if time.monotonic() > deadline:
                raise DeliveryError(f"{what}; run it again, it goes on from there", is_retryable=True)
            if time.monotonic() - told > TELL_S:
                told = time.monotonic()
                self._say(what)
            time.sleep(POLL_S)
