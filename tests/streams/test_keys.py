"""Keys are numbers for a while: forgetting some must not change what the others mean."""

from __future__ import annotations

import msgspec

from streams.events import Telemetry
from streams.fold import PartitionFold
from streams.keys import UNKNOWN_METRIC, Keys
from tests.streams.tile_world import CATALOGUE, RULES, written


def event(number: int, country: str, metric: str = "wait") -> Telemetry:
    return Telemetry(
        event_id=str(number), tenant="t", source="s", event_time_ms=1_000_000, device="d", metric=metric, value=3.0,
        country=country,
    )  # fmt: skip


def push(fold: PartitionFold, first: int, countries: list[str]) -> None:
    events = [event(first + i, country) for i, country in enumerate(countries)]
    fold.push(first, [msgspec.json.encode(e) for e in events], [1_000_000] * len(events))


def test_dimensions_that_the_metric_is_not_grouped_by_do_not_make_a_key() -> None:
    keys = Keys(CATALOGUE)
    oslo = msgspec.structs.replace(event(2, "NO"), site="Oslo", device_model="laptop")
    shared = msgspec.structs.replace(oslo, shared=True)
    one, other, german, nobodys = keys.codes([event(1, "NO"), oslo, event(3, "DE"), shared])
    assert one == other
    assert len({one, german, nobodys}) == 3
    assert keys.codes([shared, oslo]) == [nobodys, one]


def test_a_metric_outside_the_catalogue_has_no_key() -> None:
    codes = Keys(CATALOGUE).codes([event(1, "NO", "unheard-of"), event(2, "NO"), event(3, "NO", "unheard-of")])
    assert [code == UNKNOWN_METRIC for code in codes] == [True, False, True]


def test_forgetting_keys_changes_no_row() -> None:
    plain_keys, keys = Keys(CATALOGUE), Keys(CATALOGUE)
    plain, fold = PartitionFold(RULES, plain_keys, None), PartitionFold(RULES, keys, None)
    countries = [f"C{number}" for number in range(22)]
    for folded in (plain, fold):
        push(folded, 0, countries[:20])
        folded.acknowledge(folded.changes())  # five tiles are complete and gone
        push(folded, 20, countries[20:])
    fold.renumber(keys.compact(fold.live_codes()))
    assert len(keys.keys) == 2
    assert written(0, fold.changes(), keys) == written(0, plain.changes(), plain_keys)
    for folded in (plain, fold):
        push(folded, 22, ["C21", "C0"])  # one that was kept, one that was forgotten
    assert written(0, fold.changes(), keys) == written(0, plain.changes(), plain_keys)


def test_rejects_weigh_until_they_are_stored_and_count_for_ever() -> None:
    fold = PartitionFold(RULES, Keys(CATALOGUE), None)
    fold.push(0, [b"x" * 60_000, None], [1, 1])
    assert fold.pending > 100
    stored = fold.changes()
    assert [len(reject.raw) for reject in stored[0].rejects] == [60_000, 0]
    fold.acknowledge(stored)
    assert fold.pending == 0
    push(fold, 2, ["NO"])
    (rows,) = fold.changes()
    assert rows.rejects == ()
    assert (rows.audit.n_in, rows.audit.n_invalid, rows.audit.n_valid) == (3, 2, 1)
