"""Generations: another fold of the same log beside the live one, compared window by window and put in force."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import pytest
import yaml
from confluent_kafka import Producer

from agents.cli.refold import WORKER, Plan, refold
from agents.generations import Pair, compare, generation_in_force, missing, positions
from agents.local.paths import DataFolder
from agents.settings import Settings, read_settings
from agents.stack import Stack, pick_ports
from agents.topics import LOCAL_PARTITIONS, TELEMETRY, ensure_topics, topic_state
from agents.warehouse.client import Address, Warehouse
from agents.warehouse.migrate import public_of, write_profile
from streams.codecs import encode_json
from streams.errors import ConfigError, XPulseError
from streams.events import Telemetry, Tick
from streams.profile import DEMO, STANDARD
from tests.agents.local.services import running_broker, wait_until
from tests.agents.sealing_world import LOG, START_S, World

NEXT = DEMO.generation + 1
T0 = START_S * 1000
SECONDS = 120
OTHER_TILES = (
    "import dataclasses, streams.profile as p; p.PROFILES = {'demo': dataclasses.replace(p.DEMO, tile_size=64)}; "
    "from agents.cli import app; app(['worker', 'telemetry'])"
)


def test_a_setting_names_a_generation() -> None:
    assert read_settings({}).generation == 0
    assert read_settings({"XPULSE_GENERATION": "7"}).generation == 7
    with pytest.raises(ConfigError, match="XPULSE_GENERATION is 'new'; allowed: 0 to 65535"):
        read_settings({"XPULSE_GENERATION": "new"})
    with pytest.raises(ConfigError, match="allowed: 0 to 65535"):
        read_settings({"XPULSE_GENERATION": "65536"})


@pytest.mark.parametrize(
    ("there", "here", "left"),
    [({}, {}, 0), ({0: 5}, {}, 5), ({0: 5, 1: 2}, {0: 5, 1: 2}, 0), ({0: 5, 1: 2}, {0: 9, 1: 1}, 1)],
)
def test_a_partition_that_is_ahead_makes_up_for_no_other(
    there: Mapping[int, int], here: Mapping[int, int], left: int
) -> None:
    assert missing(there, here) == left


@pytest.mark.integration
def test_a_generation_only_grows(store: Warehouse) -> None:
    database = store.address.database
    with store.lend() as client:
        assert write_profile(client, database, DEMO, now_ms=1) == DEMO.generation
        assert write_profile(client, database, replace(DEMO, generation=NEXT), now_ms=2) == NEXT
        assert write_profile(client, database, DEMO, now_ms=3) == NEXT
        assert write_profile(client, database, STANDARD, now_ms=4) == STANDARD.generation
        assert write_profile(client, database, DEMO, now_ms=5) == NEXT
    assert generation_in_force(store, DEMO) == NEXT
    assert generation_in_force(store, replace(DEMO, generation=NEXT + 1)) == NEXT + 1


@pytest.mark.integration
def test_before_the_first_migration_the_code_decides(bare: Address) -> None:
    with closing(Warehouse(bare)) as opened:
        assert generation_in_force(opened, DEMO) == DEMO.generation


@pytest.mark.integration
def test_only_windows_that_both_hold_and_have_closed_are_compared(store: Warehouse) -> None:
    world = World(store)
    pair = Pair(old=DEMO.generation, new=NEXT, incarnation=LOG, partitions=1, grace_ms=DEMO.grace_ms)
    early, held, open_ = 0, 3_600, 7_200
    for at_s in (early, held, held + 5, open_):
        world.write(world.tile(at_s))
    world.write(world.tile(held, generation=NEXT, tile=8, n=6, sum=15_000, late=1, sum_squares=40_000, good_ms=30))
    world.reach(open_)
    assert compare(store, pair).different == 0  # the other one has not spoken
    world.write(
        world.tile(held, generation=NEXT, tile=9, n=4, sum=5_000, sum_squares=10_000, good_ms=0, attempted_ms=0)
    )
    world.write(world.tile(held + 5, generation=NEXT, incarnation=UUID(int=9)))
    # Its log begins after the early window.
    world.reach(held - 301 - DEMO.grace_ms // 1000, generation=NEXT, first=40)
    world.reach(open_ + 5, generation=NEXT, tile=3, first=50)
    found = compare(store, pair)
    assert (found.equal, found.different) == (1, 1)
    [line] = found.lines.values()
    place, _, figures = line.partition(": ")
    assert place == "tenant=t metric=wait window_start=2026-05-29 01:00:05 window_s=5 country=NO shared=0"
    assert figures == f"n 10 in generation {DEMO.generation}, 0 in {NEXT}; sum 20000, 0"


@dataclass
class Installation:
    """A log, the live worker that has folded it, and how to ask."""

    settings: Settings
    store: Warehouse

    def seen(self) -> list[tuple[object, ...]]:
        view = f"{public_of(self.store.address.database)}.telemetry"
        sql = f"SELECT window_start, country, service, n, good_ms FROM {view} ORDER BY ALL"
        return self.store.ask(sql)


def readings() -> list[tuple[int, bytes]]:
    """Record timestamp and value; some late, some delivered twice."""
    draw = random.Random(7)
    events = []
    for number in range(2_500):
        at_ms = T0 + number * SECONDS * 1000 // 2_500
        is_late = number > 500 and draw.random() < 0.05
        reading = Telemetry(
            event_id=f"e{number}", tenant="t", source="s", event_time_ms=at_ms - is_late * 20_000,
            device=f"d{number % 23}", metric="app.response_time", value=draw.randrange(1, 4_000),
            country=draw.choice(["NO", "SE"]), service="mail", application="outlook",
        )  # fmt: skip
        events += [(at_ms, encode_json(reading))] * (1 + (draw.random() < 0.05))
    return events


def produce(broker: str) -> None:
    producer = Producer({"bootstrap.servers": broker})
    partitions = LOCAL_PARTITIONS[TELEMETRY]
    for stamp_ms, raw in readings():
        producer.produce(TELEMETRY, raw, partition=sum(raw) % partitions, timestamp=stamp_ms)
        producer.poll(0)
    end_ms = T0 + SECONDS * 1000 + 60_000
    for partition in range(partitions):
        tick = encode_json(Tick(gateway="g", at_ms=end_ms))
        producer.produce(TELEMETRY, tick, partition=partition, timestamp=end_ms)
    assert producer.flush(30) == 0


@pytest.fixture
def live(store: Warehouse, tmp_path: Path) -> Iterator[Installation]:
    """An installation whose live worker has folded the whole log and goes on."""
    (tmp_path / "password").write_text(store.address.password)
    with running_broker(tmp_path) as broker:
        ensure_topics(broker, LOCAL_PARTITIONS)
        produce(broker)
        settings = Settings(
            profile="demo",
            brokers=broker,
            clickhouse_port=store.address.port,
            clickhouse_database=store.address.database,
            clickhouse_password_file=str(tmp_path / "password"),
            data_dir=str(tmp_path),
        )
        with store.lend() as client:
            write_profile(client, store.address.database, DEMO, now_ms=T0)
        others = {name: value for name, value in os.environ.items() if not name.startswith("XPULSE_")}
        with (
            (tmp_path / "live.log").open("wb") as log,
            subprocess.Popen(WORKER, env={**others, **settings.environment()}, stdout=log, stderr=log) as worker,
        ):
            try:
                wait_until(_has_folded(settings, store), "the live fold", within_s=90)
                yield Installation(settings, store)
            finally:
                worker.kill()


def _has_folded(settings: Settings, store: Warehouse) -> Callable[[], bool]:
    incarnation, sent = topic_state(settings.brokers, TELEMETRY).incarnation, len(readings()) + 4
    return lambda: sum(positions(store, DEMO.generation, incarnation).values()) == sent


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_another_fold_is_compared_and_put_in_force(
    live: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = live.seen()
    assert len(before) == 2 * SECONDS // 5
    with pytest.raises(ConfigError, match=f"allowed: {NEXT} to 65535, {DEMO.generation} is in force"):
        refold(live.settings, Plan(generation=DEMO.generation, within_s=1))

    # The same log in tiles of another size says the same.
    tiles = Plan(generation=NEXT, within_s=90, command=(sys.executable, "-c", OTHER_TILES))
    assert refold(live.settings, tiles) == 0
    assert (
        f"generations {DEMO.generation} and {NEXT}: {len(before)} windows equal, 0 different" in capsys.readouterr().out
    )
    sizes = "SELECT generation, max(tile) FROM tile_audit GROUP BY generation ORDER BY generation"
    small, big = (int(most) for _, most in sorted(live.store.ask(sizes), reverse=True))
    assert small > big
    assert live.seen() == before

    # Another rule says something else, and counts once it is put in force.
    stricter = yaml.safe_load(Path(live.settings.catalogue_file).read_text())
    stricter["metrics"]["app.response_time"]["good"] = {"at_most": 1000}
    (tmp_path / "stricter.yaml").write_text(yaml.safe_dump(stricter))
    changed = replace(live.settings, catalogue_file=str(tmp_path / "stricter.yaml"))
    assert refold(changed, Plan(generation=NEXT + 1, within_s=90)) == 1
    told = capsys.readouterr().out
    assert "0 windows equal" in told
    assert "tenant=t metric=app.response_time" in told
    assert "device" not in told
    assert live.seen() == before
    assert refold(changed, Plan(generation=NEXT + 1, within_s=90, switch=True)) == 0
    after = live.seen()
    assert [row[:4] for row in after] == [row[:4] for row in before]
    assert sum(int(str(row[4])) for row in after) < sum(int(str(row[4])) for row in before)
    assert generation_in_force(live.store, DEMO) == NEXT + 1


@pytest.mark.integration
@pytest.mark.timeout(200)
def test_a_worker_that_ends_or_is_too_slow_is_told(live: Installation) -> None:
    ends = Plan(generation=NEXT, within_s=30, command=(sys.executable, "-c", "raise SystemExit('no such rule')"))
    with pytest.raises(XPulseError, match=f"worker of generation {NEXT} ended: exit code 1\nno such rule"):
        refold(live.settings, ends)
    idles = Plan(generation=NEXT, within_s=0.1, command=(sys.executable, "-c", "import time; time.sleep(60)"))
    with pytest.raises(XPulseError, match=r"records are left after 0.1 s"):
        refold(live.settings, idles)


@pytest.mark.integration
def test_up_keeps_the_generation_that_was_switched_to(store: Warehouse, tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.prepare()
    stack = Stack(folder, DEMO, pick_ports(clickhouse=store.address.port))
    folder.writer_password_file.write_text(store.address.password)
    stack.settings = replace(stack.settings, clickhouse_database=store.address.database)
    with store.lend() as client:
        write_profile(client, store.address.database, replace(DEMO, generation=NEXT), now_ms=T0)
    assert stack._is_migrated()
    assert stack.profile.generation == NEXT
    assert store.ask("SELECT generation FROM current_profile") == [(NEXT,)]
