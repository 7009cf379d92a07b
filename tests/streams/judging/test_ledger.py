"""The ledger is a function of the events: partitions, repetitions and who judged when leave no trace in it."""

import json
from functools import lru_cache

import pytest

from tests.streams.ledger_world import Delivery, at
from tests.streams.ledger_world import ledger_of as _ledger_of

PLAIN = Delivery(seed=0, partitions=1, repeats=0.0, bites=10**6)
ledger_of = lru_cache(_ledger_of)


@pytest.mark.parametrize("seed", range(5))
def test_a_shuffled_repeated_replay_in_bites_gives_the_same_bytes(seed: int) -> None:
    plain = ledger_of(seed, PLAIN)
    for number in (1, 3):
        other = Delivery(seed=10 * seed + number, partitions=1 + number, repeats=0.2 * number, bites=4**number)
        assert ledger_of(seed, other) == plain


def test_the_story_has_something_to_tell() -> None:
    """Otherwise the comparison above would be of empty ledgers."""
    rows = [json.loads(line) for line in ledger_of(1, PLAIN).splitlines()]
    alerts = [row for row in rows if row.get("signal") == "alert"]
    fired = {(row["target"], row["kind"]) for row in alerts if row["state"] == "firing"}
    assert {("happy/NO-mail", "drift"), ("good/Mail", "drift")} <= fired
    assert {row["state"] for row in alerts} == {"firing", "resolved"}
    verdicts = [row for row in rows if row.get("signal") == "verdict"]
    assert any(row["excluded_n"] for row in verdicts if row["target"] == "happy/country=NO")
    assert {row["at_ms"] for row in verdicts if row["target"] == "good/Mail"} >= {at(unit) for unit in range(1, 49)}
    muted = [row for row in alerts if row["target"] == "good/Mail" and at(14) < row["at_ms"] < at(17)]
    assert [row for row in muted if row["state"] == "firing"] == []


def test_another_story_has_another_ledger() -> None:
    assert ledger_of(1, PLAIN) != ledger_of(2, PLAIN)
