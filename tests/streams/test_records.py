"""Records as rows: the version decides, so order and number of deliveries do not."""

import random
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import InvariantError
from streams.events import EVENTS, Action, Change, Erasure, Feedback, Invitation, Record, Telemetry, Ticket
from streams.records import LAST_MS, TABLES, TIMES_COLUMNS, doubt, times_row, to_row, version

T0 = 1_780_000_000_000
RANK = {"partial": 0, "final": 1, "retracted": 2}


def feedback(revision: int = 0, state: str = "final", **changes: Any) -> Feedback:
    known: dict[str, Any] = {
        "event_id": "e", "tenant": "t", "source": "s", "event_time_ms": T0,
        "response_id": "r", "person": "p", "score": 7,
    }  # fmt: skip
    return Feedback(revision=revision, state=state, **{**known, **changes})  # type: ignore[arg-type]


COMMON: dict[str, Any] = {
    "event_id": "e",
    "tenant": "t",
    "source": "s",
    "event_time_ms": T0,
    "revision": 3,
    "country": "NO",
}
RECORDS: list[Record] = [
    feedback(3, country="NO"),
    Invitation(**COMMON, invitation_id="i", person="p", outcome="shown"),
    Ticket(**COMMON, ticket_id="k", kind="closed", made_sla=True),
    Change(**COMMON, change_id="c", kind="wave", wave=2, end_ms=T0 + 1),
    Action(**COMMON, action_id="a", kind="ack", actor="me"),
    Erasure(**COMMON, erasure_id="x", subject="s"),
]


def as_dict(event: Record, *, stamp_ms: int = T0, offset: int = 0) -> dict[str, Any]:
    return dict(zip(TABLES[type(event)].columns, to_row(event, stamp_ms=stamp_ms, offset=offset), strict=True))


@dataclass(frozen=True)
class Delivery:
    event: Feedback
    stamp_ms: int
    offset: int

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """The order as the design states it, not as it is packed."""
        return self.event.revision, RANK[self.event.state], self.stamp_ms, self.offset


@st.composite
def logs(draw: st.DrawFn) -> list[Delivery]:
    """What one log holds of one answer: any revisions and states, repeated in any order."""
    deliveries = []
    stamp_ms = T0
    kinds = st.tuples(st.integers(0, 3), st.sampled_from(sorted(RANK)), st.integers(0, 10), st.integers(-3, 5))
    for offset, (revision, state, score, step_ms) in enumerate(draw(st.lists(kinds, min_size=1, max_size=12))):
        stamp_ms += step_ms
        deliveries.append(Delivery(feedback(revision, state, score=score), stamp_ms, offset))
    return deliveries


def merge(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What ReplacingMergeTree(version) leaves of an entity: the row of the largest version, of equals the last."""
    kept = rows[0]
    for row in rows[1:]:
        if row["version"] >= kept["version"]:
            kept = row
    return kept


@given(logs(), st.randoms(use_true_random=False))
def test_any_order_and_number_of_deliveries_end_in_the_same_state(log: list[Delivery], shuffler: random.Random) -> None:
    rows = [as_dict(d.event, stamp_ms=d.stamp_ms, offset=d.offset) for d in log]
    arriving = [*rows, *shuffler.choices(rows, k=len(rows))]
    shuffler.shuffle(arriving)
    last = max(log, key=lambda d: d.rank)
    kept = merge(arriving)
    assert (kept["revision"], kept["state"], kept["score"]) == (last.event.revision, last.event.state, last.event.score)
    assert kept["log_time"] == last.stamp_ms


@given(logs(), st.data())
def test_merging_part_by_part_ends_in_the_same_state(log: list[Delivery], data: st.DataObject) -> None:
    rows = [as_dict(d.event, stamp_ms=d.stamp_ms, offset=d.offset) for d in log]
    cut = data.draw(st.integers(0, len(rows)))
    parts = [merge(part) for part in (rows[:cut], rows[cut:]) if part]
    assert merge(parts) == merge(rows) == merge(parts[::-1])


ranks = st.tuples(
    st.integers(0, 2**31 - 1), st.sampled_from(sorted(RANK)), st.integers(0, LAST_MS), st.integers(0, 2**46 - 1)
)


@given(ranks, ranks)
def test_versions_order_as_their_parts(one: tuple[int, str, int, int], other: tuple[int, str, int, int]) -> None:
    def parts(rank: tuple[int, str, int, int]) -> tuple[int, int, int, int]:
        return rank[0], RANK[rank[1]], rank[2], rank[3]

    assert (version(*one) < version(*other)) == (parts(one) < parts(other))
    assert version(*one) < 2**128


@pytest.mark.parametrize(
    "parts", [(-1, "final", 0, 0), (2**32, "final", 0, 0), (0, "final", 2**48, 0), (0, "", 0, 2**46)]
)
def test_a_part_without_room_is_refused(parts: tuple[int, str, int, int]) -> None:
    with pytest.raises(InvariantError, match="does not fit"):
        version(*parts)


def test_every_kind_of_record_has_a_table() -> None:
    kinds = {kind for kind in EVENTS.values() if issubclass(kind, Record)}
    assert kinds == set(TABLES) == {type(event) for event in RECORDS}


@pytest.mark.parametrize("event", RECORDS, ids=lambda event: type(event).__name__)
def test_a_row_holds_every_field(event: Record) -> None:
    row = as_dict(event, stamp_ms=T0 + 5, offset=9)
    fields = msgspec.structs.asdict(event)
    renamed = {
        "event_time": fields.pop("event_time_ms"),
        **({"end": fields.pop("end_ms")} if "end_ms" in fields else {}),
    }
    state = fields.get("state", "")
    assert row == {**fields, **renamed, "log_time": T0 + 5, "version": version(event.revision, state, T0 + 5, 9)}


READING = Telemetry(event_id="e", tenant="t", source="s", event_time_ms=T0, device="d", metric="m", value=1.0)


@pytest.mark.parametrize(
    ("event", "stamp_ms", "reason"),
    [
        (feedback(event_time_ms=T0 + 300_000), T0, None),
        (feedback(event_time_ms=T0 + 300_001), T0, "$.event_time_ms: more than 5 minutes ahead of its arrival"),
        (feedback(event_time_ms=0), T0, None),
        (Change(**{**COMMON, "event_time_ms": T0 + 10**9}, change_id="c", kind="wave"), T0, None),
        (
            Change(**COMMON, change_id="c", kind="wave", end_ms=LAST_MS),
            T0,
            "$.event_time_ms or $.end_ms: after the year 2199",
        ),
        (READING, T0, "$.signal: telemetry does not belong on this topic"),
        (feedback(event_time_ms=0), -1, "$: a record without a sensible timestamp"),
        (feedback(event_time_ms=0), LAST_MS, "$: a record without a sensible timestamp"),
    ],
)
def test_what_is_believed(event: Any, stamp_ms: int, reason: str | None) -> None:
    assert doubt(event, stamp_ms) == reason


@pytest.mark.parametrize(
    ("outcome", "times"),
    [("pending", (T0, None)), ("shown", (T0, None)), ("answered", (None, T0)), ("expired", None)],
)
def test_times_of_an_invitation_are_those_of_its_records(outcome: Any, times: tuple[Any, ...] | None) -> None:
    row = to_row(Invitation(**COMMON, invitation_id="i", person="p", outcome=outcome), stamp_ms=T0, offset=1)
    assert TIMES_COLUMNS == ("tenant", "invitation_id", "person", "log_time", "asked_at", "answered_at")
    assert times_row(row) == (times and ("t", "i", "p", T0, *times))
