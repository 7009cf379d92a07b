import inspect
import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.simulate import oracle, wire
from streams.simulate.agenda import Item
from streams.simulate.directory import device_dimensions, shared_devices
from streams.simulate.names import BOOT_TIME, CPU_UTILIZATION, CRASH, RESPONSE_GOOD_MS, RESPONSE_TIME
from streams.simulate.oracle import (
    Audit,
    Facts,
    Key,
    Record,
    Sums,
    expected_feedback,
    expected_windows,
    fold_topic,
    milli,
)
from streams.simulate.organisation import Organisation
from streams.simulate.wire import parse
from tests.streams.simulate.play import of

LOAD = {"load": Facts(("country", "application"), ("at_most", 2.0), 10_000), "plain": Facts((), None, 10_000)}
FACTS = {
    RESPONSE_TIME: Facts(("country", "service", "application"), ("at_most", RESPONSE_GOOD_MS), 10_000),
    CRASH: Facts(("country", "application"), None, 0),
    BOOT_TIME: Facts(("device_model",), ("at_most", 60.0), 0),
    CPU_UTILIZATION: Facts(("site", "os_version"), None, 0),
}
T_MS = 1_000_000


def event(event_id: str = "e", **fields: Any) -> dict[str, Any]:
    known = {"signal": "telemetry", "event_id": event_id, "tenant": "t", "source": "s", "event_time_ms": T_MS}
    return {**known, "device": "d", "metric": "load", "value": 1.0, **fields}


def record(offset: int, stamp_ms: int = T_MS, *, partition: int = 0, **fields: Any) -> Record:
    return Record(partition, offset, stamp_ms, json.dumps(event(**{"event_id": str(offset), **fields})).encode())


def fold(*records: Record, tile: int = 4, horizon: int = 1) -> Any:
    return fold_topic(records, LOAD, tile=tile, horizon=horizon, window_ms=5_000, grace_ms=2_000)


def load_key(start_ms: int = T_MS, country: str = "", shared: bool = False) -> Key:
    return Key("t", "load", (country, "", "", "", "", "", ""), shared, start_ms)


@pytest.mark.parametrize("module", [oracle, wire], ids=["oracle", "wire"])
def test_it_shares_nothing_with_the_product(module: ModuleType) -> None:
    imports = [line for line in inspect.getsource(module).splitlines() if line.startswith(("import", "from"))]
    others = [line for line in imports if "streams.simulate.wire" not in line]
    assert not any(word in line for line in others for word in ("streams", "agents", "numpy", "msgspec"))


@given(st.floats(-(2.0**43), 2.0**43, exclude_min=True, exclude_max=True))
def test_milli_units_are_those_of_numpy(value: float) -> None:
    assert milli(value) == int(np.rint(value * 1000))


def test_expected_windows_by_hand() -> None:
    bodies = [
        event("a", value=1.0005, application="crm"), event("b", value=2.0, application="crm", covers_ms=5_000),
        event("c", value=2.001, application="crm", event_time_ms=T_MS + 4_999),
        event("d", value=-1, event_time_ms=T_MS + 5_000), event("a", value=1.0005, application="crm"),
        event("e", value=9.0, device="room"), event("f", metric="plain", value=3),
    ]  # fmt: skip
    directory = {"d": {"country": "NO", "site": "NO-1"}, "room": {"country": "NO", "site": "NO-1"}}
    known = expected_windows(
        bodies, LOAD, window_ms=5_000, devices=directory, services={"crm": "sales"}, shared={"room"}
    )
    crm = Key("t", "load", ("NO", "", "", "", "crm", "", ""), False, T_MS)
    assert known == {
        crm: Sums(3, 1_000 + 2_000 + 2_001, 1_000, 2_001, 15_000, 25_000),
        load_key(T_MS + 5_000, "NO"): Sums(1, -1_000, -1_000, -1_000, 10_000, 10_000),
        load_key(T_MS, "NO", shared=True): Sums(1, 9_000, 9_000, 9_000, 0, 10_000),
        Key("t", "plain", ("",) * 7, False, T_MS): Sums(1, 3_000, 3_000, 3_000, 0, 0),
    }


def test_a_rule_may_ask_for_at_least() -> None:
    facts = {"load": Facts((), ("at_least", 0.5), 1_000)}
    bodies = [event("a", value=0.5), event("b", value=0.4996), event("c", value=0.499)]
    known = expected_windows(bodies, facts, window_ms=5_000, devices={}, services={}, shared=())
    assert known[load_key()] == Sums(3, 1_499, 499, 500, 2_000, 3_000)


def test_windows_of_a_topic_have_squares_histogram_and_devices() -> None:
    windows, _ = fold(
        record(0, value=0.001), record(1, value=0.002, device="x"), record(2, value=-0.002), record(3, value=0)
    )
    (key, late), window = windows.popitem()
    assert (key, late, windows) == (load_key(), False, {})
    assert window.sums == Sums(4, 1, -2, 2, 40_000, 40_000)
    assert window.sum_squares == 9
    assert window.histogram == ((-65, 1), (0, 1), (1, 1), (65, 1))
    assert len(window.devices) == 2
    assert window.devices == tuple(sorted(window.devices))


def test_only_the_smallest_device_hashes_are_kept() -> None:
    records = [record(n, device=f"d-{n}") for n in range(400)]
    windows, _ = fold(*records, tile=50)
    every = sorted(oracle._hash(f"d-{n}") for n in range(400))
    assert windows[load_key(), False].devices == tuple(every[:256])


def test_audits_add_up_and_count_by_tile() -> None:
    tick = json.dumps({"signal": "tick", "gateway": "g", "at_ms": T_MS}).encode()
    _, audits = fold(
        record(0), Record(0, 1, T_MS, tick), Record(0, 2, T_MS, b"{"), record(3, event_id="0"),
        record(4, T_MS + 60_000), Record(0, 5, T_MS, None), record(0, partition=1),
    )  # fmt: skip
    assert audits == {
        (0, 0): Audit(n_in=4, valid=1, invalid=1, duplicate=1, late=0, tick=1),
        (0, 1): Audit(n_in=2, valid=1, invalid=1, duplicate=0, late=1, tick=0),
        (1, 0): Audit(n_in=1, valid=1, invalid=0, duplicate=0, late=0, tick=0),
    }


def test_a_repeat_counts_within_the_horizon_of_its_last_occurrence() -> None:
    again: Any = {"event_id": "same"}
    _, audits = fold(record(0, **again), record(4, **again), record(11, **again), record(16, **again))
    assert [audits[0, tile].duplicate for tile in (0, 1, 2, 4)] == [0, 1, 1, 0]


def test_other_tenants_and_partitions_do_not_repeat_each_other() -> None:
    again: Any = {"event_id": "same"}
    _, audits = fold(record(0, **again), record(1, tenant="u", **again), record(0, partition=1, **again))
    assert sum(audit.duplicate for audit in audits.values()) == 0


def test_what_is_invalid_is_not_remembered_as_seen() -> None:
    again: Any = {"event_id": "same"}
    windows, audits = fold(
        record(0, metric="unknown", **again), record(1, event_time_ms=T_MS + 300_001, **again), record(2, **again)
    )
    assert audits[0, 0] == Audit(3, 1, 2, 0, 0, 0)
    assert windows[load_key(), False].sums.n == 1


@pytest.mark.parametrize(
    ("event_time_ms", "stamp_ms", "is_valid"),
    [
        (T_MS + 300_000, T_MS, True),
        (T_MS + 300_001, T_MS, False),
        (0, 14 * 86_400_000, True),
        (0, 14 * 86_400_000 + 1, False),
    ],
)
def test_times_that_are_not_believed(event_time_ms: int, stamp_ms: int, is_valid: bool) -> None:
    _, audits = fold(record(0, stamp_ms, event_time_ms=event_time_ms))
    assert audits[0, 0].valid == is_valid


def test_late_is_by_the_partitions_running_arrival() -> None:
    end_ms = T_MS + 5_000 + 2_000
    windows, _ = fold(record(0, end_ms), record(1, end_ms + 1), record(2, end_ms - 3_000), record(0, partition=1))
    assert {late: windows[load_key(), late].sums.n for late in (False, True)} == {False: 2, True: 2}


def test_arrival_is_forgotten_beyond_the_horizon() -> None:
    later = T_MS + 60_000
    windows, _ = fold(record(0, later), record(4, T_MS), record(8, T_MS))
    assert windows[load_key(), True].sums.n == 2
    assert windows[load_key(), False].sums.n == 1


@pytest.mark.parametrize(
    "raw",
    [
        None, b"", b"null", b"[]", b"{", b"\xff", b'"telemetry"', b"[" * 100_000, b"\xef\xbb\xbf{}",
        json.dumps(event(value=True)), json.dumps(event(value="1")), json.dumps(event(value=2**43)),
        json.dumps(event(value=float("nan"))), json.dumps(event(value=1)).replace("1}", "1e999}"),
        json.dumps(event(event_time_ms=1.0)), json.dumps(event(event_time_ms=-1)), json.dumps(event(event_id="")),
        json.dumps(event(event_id="x" * 201)), json.dumps(event(country="x" * 121)), json.dumps(event(unknown=1)),
        json.dumps(event(shared=1)), json.dumps(event(covers_ms=86_400_001)), json.dumps(event(signal="feedback")),
        json.dumps(event(signal=["tick"])), json.dumps(event(device="a\u202eb")), json.dumps(event(device="a\x00")),
        json.dumps(event(device="\ud800")), json.dumps({k: v for k, v in event().items() if k != "device"}),
        json.dumps(event()) + "x", json.dumps(event()) + " " * 70_000, json.dumps({"signal": "tick", "gateway": "g"}),
    ],
)  # fmt: skip
def test_what_is_no_event(raw: bytes | str | None) -> None:
    assert parse(raw.encode() if isinstance(raw, str) else raw) is None


def test_what_is_an_event() -> None:
    whole = event(
        value=-1, shared=True, covers_ms=0, person="", country="NO", site="é", service="", os_version="x" * 120
    )
    assert parse(json.dumps(whole).encode()) == whole
    tick = {"signal": "tick", "gateway": "g", "at_ms": 0}
    assert parse(json.dumps(tick).encode()) == tick


def test_the_last_revision_stands_whatever_the_order() -> None:
    def answer(revision: int, state: str, **more: Any) -> dict[str, Any]:
        return {"tenant": "t", "response_id": "r", "revision": revision, "state": state, **more}

    sent = [answer(1, "partial"), answer(1, "final", score=9), answer(2, "final", score=3), answer(2, "retracted")]
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 3, 0, 1, 1, 2]):
        assert expected_feedback([sent[n] for n in order]) == {("t", "r"): sent[3]}
    assert expected_feedback(sent[:3])["t", "r"]["score"] == 3
    assert expected_feedback([*sent, {**sent[1], "tenant": "u"}]).keys() == {("t", "r"), ("u", "r")}


def test_both_ways_agree_on_a_demo(organisation: Organisation, demo_items: list[Item]) -> None:
    sent = [item for item in demo_items if item.path == "telemetry"][25_000:33_000]
    assert any(item.is_repeat for item in sent)
    devices, shared = device_dimensions(organisation), shared_devices(organisation)
    expected = expected_windows(
        [item.body for item in sent], FACTS, window_ms=5_000, devices=devices, services=organisation.applications,
        shared=shared,
    )  # fmt: skip
    records = []
    for offset, item in enumerate(sent):  # what a gateway makes of a body, pseudonyms aside
        service = organisation.applications.get(item.body.get("application", ""), "")
        added = {**devices[item.body["device"]], "service": service, "shared": item.body["device"] in shared}
        raw = json.dumps({"signal": "telemetry", **item.body, **added}).encode()
        records.append(Record(0, offset, item.at_ms, raw))
    windows, audits = fold_topic(records, FACTS, tile=2_048, horizon=2, window_ms=5_000, grace_ms=2_000)
    merged: dict[Key, Sums] = {}
    for (key, _), window in windows.items():
        merged[key] = plus(merged[key], window.sums) if key in merged else window.sums
    assert merged == expected
    assert sum(audit.duplicate for audit in audits.values()) == len(sent) - sum(s.n for s in expected.values()) > 100
    assert any(late for _, late in windows)


def plus(a: Sums, b: Sums) -> Sums:
    return Sums(
        a.n + b.n, a.sum + b.sum, min(a.min, b.min), max(a.max, b.max), a.good_ms + b.good_ms,
        a.attempted_ms + b.attempted_ms,
    )  # fmt: skip


def test_readings_of_every_metric_are_in_the_demo(demo_items: list[Item]) -> None:
    assert {item.body["metric"] for item in of(demo_items, "telemetry")} == FACTS.keys()
