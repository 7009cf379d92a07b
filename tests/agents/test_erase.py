"""Forgetting a person: nothing of the person is left anywhere, and nothing that was published changes by a byte."""

import contextlib
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from agents.erasing.scan import scan_files, scan_tables, scan_topics
from agents.erasing.tables import PersonTables
from agents.gateway.directory_load import count_person, forget_person, load
from agents.gateway.directory_rows import HEADER
from agents.gateway.identity import Pseudonyms, new_key_text, read_key
from agents.release_tables import hidden_id
from agents.settings import Settings
from agents.topics import ALERTS, RECORDS, TARGETS, TELEMETRY, ensure_topics
from agents.warehouse.client import Address, Warehouse
from agents.warehouse.migrate import public_of, write_profile
from streams.codecs import encode_json
from streams.erasures import subject_of
from streams.events import Feedback, Invitation, Tick, Ticket
from streams.profile import DEMO
from tests.agents.local.services import wait_until

pytestmark = pytest.mark.integration

IDENTITY = "Canary.Person@Example.com"
TENANT = "erasing"
HEADER_LINE = f"{','.join(HEADER)}\n"
PUBLIC = ("feedback_released", "happiness", "feedback_details", "sla", "verdicts", "alerts", "target_status")
TOPICS = {RECORDS: 1, TELEMETRY: 4, TARGETS: 1, ALERTS: 1}


def facts(event_id: str, at_ms: int) -> dict[str, Any]:
    return {
        "event_id": event_id, "tenant": TENANT, "source": "s", "event_time_ms": at_ms, "revision": 0,
        "country": "NO", "service": "mail", "channel": "chat",
    }  # fmt: skip


def answer(name: str, person: str, at_ms: int, **changes: Any) -> Feedback:
    known = {**facts(f"e-{name}", at_ms), "state": "final", "score": 3, "lost_minutes": 5, **changes}
    return Feedback(response_id=name, person=person, **known)


class Lane:
    """The topic `records`, with time going by on it, and the process that takes it in and releases."""

    def __init__(self, broker: str, address: Address, folder: Path) -> None:
        self.settings = Settings(
            profile="demo",
            brokers=broker,
            group_prefix=f"erase-{os.getpid()}",
            clickhouse_port=address.port,
            clickhouse_database=address.database,
            clickhouse_password_file=str(folder / "password"),
            data_dir=str(folder),
            key_file=str(folder / "key"),
            directory_dir=str(folder / "directory"),
        )
        (folder / "password").write_text(address.password)
        (folder / "key").write_text(new_key_text())
        (folder / "key").chmod(0o600)
        ensure_topics(broker, TOPICS)
        self._folder = folder
        self._producer = Producer({"bootstrap.servers": broker, "linger.ms": 0})
        mine = {name: value for name, value in os.environ.items() if not name.startswith("XPULSE_")}
        self._environment = {**mine, **self.settings.environment()}

    def write(self, raw: bytes, at_ms: int) -> None:
        self._producer.produce(RECORDS, raw, partition=0, timestamp=at_ms)
        assert self._producer.flush(20) == 0

    def write_events(self, events: Sequence[Any], at_ms: int) -> None:
        for event in events:
            self.write(encode_json(event), at_ms)

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()
        clock = threading.Thread(target=self._tick, args=(stop,))
        command = [sys.executable, "-m", "tests.agents.records_process", RECORDS]
        with (self._folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)
            clock.start()
            try:
                yield
            finally:
                stop.set()
                clock.join()
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=20)
                process.kill()
                process.wait()

    def _tick(self, stop: threading.Event) -> None:
        while not stop.wait(0.5):
            now_ms = int(time.time() * 1000)
            self.write(encode_json(Tick(gateway="g", at_ms=now_ms)), now_ms)

    def erase(self, *arguments: str) -> tuple[int, str]:
        (self._folder / "logs").mkdir(exist_ok=True)
        command = [sys.executable, "-m", "agents.cli", "erase", IDENTITY, "--tenant", TENANT, "--within", "60s"]
        command += ["--logs", str(self._folder / "logs"), *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=110, check=False)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def lane(broker: str, migrated: Address, store: Warehouse, tmp_path: Path) -> Lane:
    with store.lend() as client:
        write_profile(client, store.address.database, DEMO, now_ms=int(time.time() * 1000))
    return Lane(broker, migrated, tmp_path)


def published(store: Warehouse) -> list[Any]:
    public = public_of(store.address.database)
    return [store.ask(f"SELECT * FROM {public}.{view} WHERE tenant = '{TENANT}' ORDER BY ALL") for view in PUBLIC]


def now_ms() -> int:
    return int(time.time() * 1000)


@pytest.mark.timeout(240)
def test_nothing_of_a_person_is_left_and_nothing_published_changes(
    store: Warehouse, lane: Lane, broker: str, tmp_path: Path
) -> None:
    pseudonym = Pseudonyms(read_key(tmp_path / "key")).of(TENANT, "person", IDENTITY)
    people = [pseudonym, *(f"p{number}" for number in range(5))]
    past_ms = now_ms() - 3 * 60_000
    (tmp_path / "people.csv").write_text(
        f"{HEADER_LINE}person,{IDENTITY},2026-01-01,NO,,,,,,\nperson,joe,2026-01-01,SE,,,,,,\n"
    )
    load(
        tmp_path / "people.csv",
        tenant=TENANT,
        folder=tmp_path / "directory",
        pseudonyms=Pseudonyms(read_key(tmp_path / "key")),
    )
    lane.write_events([answer(f"r-{who}", who, past_ms) for who in people], past_ms)
    lane.write_events([answer(f"w-{who}", who, past_ms + 5, country="XX") for who in people[:4]], past_ms + 5)
    lane.write_events(
        [Invitation(**facts("i", past_ms), invitation_id="i", person=pseudonym, outcome="shown")], past_ms
    )
    tickets = [
        Ticket(**facts(f"t-{who[:4]}", past_ms), ticket_id=f"t-{who[:4]}", kind="closed", person=who, made_sla=True)
        for who in people[:5]
    ]
    lane.write_events(tickets, past_ms)
    lane.write(b'{"signal":"feedback","person":"' + pseudonym.encode() + b'","score":99}', past_ms)
    with lane.running():
        wait_until(
            lambda: PersonTables(store, TENANT, "x").released_ms() > past_ms + 30_000, "the release", within_s=60
        )
        before = published(store)
        assert [bool(rows) for rows in before[:4]] == [True, True, False, True]

        status, told = lane.erase("--dry-run")
        assert status == 0, told
        for line in ("feedback: 2 rows", "tickets: 1 rows", "release_members: 1 rows", "directory: 1 lines"):
            assert line in told
        assert published(store) == before
        assert PersonTables(store, TENANT, pseudonym).recorded() is None

        status, told = lane.erase()
        assert status == 0, told
        assert "nothing is left in tables and files" in told
        assert pseudonym not in told
        assert published(store) == before
        assert PersonTables(store, TENANT, pseudonym).held().rows == {}
        assert len((tmp_path / "directory" / f"{TENANT}.csv").read_text().splitlines()) == 2

        # A third of those who wait beside the person does not make five; a fourth and fifth do.
        late_ms = now_ms() - 60_000
        lane.write_events([answer("w-8", "p8", late_ms, country="XX")], late_ms)
        # The log is read once more, and the sender corrects what is gone.
        lane.write_events([answer(f"r-{pseudonym}", pseudonym, past_ms, revision=1, event_id="e2")], now_ms())
        lane.write_events([answer(f"z-{n}", f"z{n}", past_ms, country="ZZ") for n in range(5)], now_ms())
        wait_until(lambda: len(published(store)[0]) > len(before[0]), "the block of others", within_s=60)
        assert len(published(store)[0]) == len(before[0]) + 1
        lane.write_events([answer("w-9", "p9", late_ms, country="XX")], late_ms)
        wait_until(lambda: len(published(store)[0]) > len(before[0]) + 1, "the next block", within_s=60)
        members = {row[0] for row in store.ask(f"SELECT answer FROM release_members WHERE tenant = '{TENANT}'")}
        assert members == {
            *(f"r-p{number}" for number in range(5)), "w-p0", "w-p1", "w-p2", "w-8", "w-9",
            *(f"z-{number}" for number in range(5)),
            hidden_id(TENANT, f"r-{pseudonym}"),
        }  # fmt: skip

    left = PersonTables(store, TENANT, pseudonym)  # what came after the erasure is for the next one
    erased = left.recorded()
    assert erased is not None
    assert left.held().newest_ms > erased.log_ms
    in_topic = [s for s in scan_topics(broker, [RECORDS], [pseudonym], within_s=30) if s.found]
    assert [sight.place for sight in in_topic] == ["topic records"]


def seed(store: Warehouse, pseudonym: str) -> None:
    keys = {"feedback": "response_id", "tickets": "ticket_id"}
    for table in ("feedback", "invitations", "invitation_times", "tickets"):
        key = keys.get(table, "invitation_id")
        for who in (pseudonym, "p1"):
            store.command(
                f"INSERT INTO {table} (tenant, {key}, person, log_time) "
                f"VALUES ('{TENANT}', '{table[0]}-{who[:3]}', '{who}', fromUnixTimestamp64Milli(1000))"
            )
    store.command(f"INSERT INTO release_members (tenant, answer) VALUES ('{TENANT}', 'f-{pseudonym[:3]}')")
    store.command(f"INSERT INTO release_details (tenant, people) VALUES ('{TENANT}', ['{pseudonym}', 'p1'])")
    store.command(f"INSERT INTO quarantine (topic, raw) VALUES ('records', 'x {pseudonym} y')")


def everything(store: Warehouse) -> list[Any]:
    tables = (
        "feedback", "invitations", "invitation_times", "tickets", "release_members", "release_details", "quarantine",
    )  # fmt: skip
    return [store.ask(f"SELECT * FROM {table} FINAL ORDER BY ALL") for table in tables]


def test_a_run_that_dies_after_any_step_is_gone_on_with(store: Warehouse) -> None:
    pseudonym = "0123456789abcdef" * 2
    tables = PersonTables(store, TENANT, pseudonym)
    seed(store, pseudonym)
    steps = list(tables.destroy(2_000))
    clean = everything(store)
    assert tables.held().rows == {}
    for dies_after in range(1, len(steps)):
        for (table,) in store.ask(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0"
        ):
            if table != "migrations":
                store.command(f"TRUNCATE TABLE {table}")
        seed(store, pseudonym)
        for _ in itertools.islice(tables.destroy(2_000), dies_after):
            pass
        assert list(tables.destroy(2_000)) == steps
        assert everything(store) == clean


def test_what_came_after_the_erasure_stays(store: Warehouse) -> None:
    pseudonym = "0123456789abcdef" * 2
    seed(store, pseudonym)
    tables = PersonTables(store, TENANT, pseudonym)
    list(tables.destroy(999))
    assert tables.held().rows["feedback"] == 1
    assert tables.held().newest_ms == 1_000


def test_as_many_different_people_are_counted_as_before(store: Warehouse) -> None:
    pseudonym = "0123456789abcdef" * 2
    seed(store, pseudonym)
    people = "SELECT uniqExact(person) FROM tickets"
    details = "SELECT arrayUniq(people) FROM release_details"
    before = store.ask(people), store.ask(details)
    list(PersonTables(store, TENANT, pseudonym).destroy(2_000))
    assert (store.ask(people), store.ask(details)) == before
    assert store.ask("SELECT person FROM tickets ORDER BY person") == [(subject_of(TENANT, pseudonym),), ("p1",)]


def test_a_search_finds_what_is_there(store: Warehouse, broker: str, tmp_path: Path) -> None:
    """A search that finds nothing anywhere would prove nothing."""
    pseudonym = "fedcba9876543210" * 2
    seed(store, pseudonym)
    found = {s.place.partition(".")[2] for s in scan_tables(store, [store.address.database], [pseudonym]) if s.found}
    assert found == {"feedback", "invitations", "invitation_times", "tickets", "release_details", "quarantine"}
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.log").write_text(f"line\nperson={pseudonym}\n")
    (tmp_path / "empty.log").touch()
    assert [s.found for s in scan_files([tmp_path], [pseudonym])] == [1, 0]
    topic = f"search-{os.getpid()}"
    ensure_topics(broker, {topic: 2})
    producer = Producer({"bootstrap.servers": broker})
    for number in range(5):
        producer.produce(topic, f"x{pseudonym if number == 3 else ''}".encode(), partition=number % 2)
    assert producer.flush(20) == 0
    (sight,) = scan_topics(broker, [topic, "there-is-none"], [pseudonym], within_s=30)
    assert (sight.looked_at, sight.found) == (5, 1)


def test_the_directory_forgets_one_person_only(tmp_path: Path) -> None:
    pseudonyms = Pseudonyms(bytes(32))
    (tmp_path / "in.csv").write_text(
        f"{HEADER_LINE}person,jane,2026-01-01,NO,,,,,,\nperson,joe,2026-01-01,SE,,,,,,\ndevice,jane,2026-01-01,NO,,,,,,\n"
    )
    load(tmp_path / "in.csv", tenant="t", folder=tmp_path / "d", pseudonyms=pseudonyms)
    jane = pseudonyms.of("t", "person", "jane")
    assert count_person(tmp_path / "d", "t", jane) == 1
    forget_person(tmp_path / "d", "t", jane)
    forget_person(tmp_path / "d", "t", jane)
    forget_person(tmp_path / "d", "unknown", jane)
    left = (tmp_path / "d" / "t.csv").read_text()
    assert (jane in left, len(left.splitlines())) == (False, 3)
