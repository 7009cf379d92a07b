"""The intake of a partition: nothing lost, nothing committed before it is stored, no gap accepted."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.codecs import encode_avro, encode_json
from streams.errors import InvariantError
from streams.events import Event, Feedback, Telemetry, Tick, Ticket
from streams.intake import Intake
from streams.records import LAST_MS, TABLES

T0 = 1_780_000_000_000
TICK = encode_json(Tick(gateway="g", at_ms=T0))


def answer(number: int = 0) -> Feedback:
    return Feedback(
        event_id="e", tenant="t", source="s", event_time_ms=T0, revision=0,
        response_id=f"r{number}", state="final", person="p", score=7,
    )  # fmt: skip


TICKET = Ticket(event_id="e", tenant="t", source="s", event_time_ms=T0, revision=0, ticket_id="k", kind="closed")


@pytest.mark.parametrize("encode", [encode_json, encode_avro])
def test_records_become_rows_rejects_and_arrival(encode: Callable[[Event], bytes]) -> None:
    intake = Intake(100)
    values = [encode(answer()), b'{"signal":"feedback"}', None, encode(Tick(gateway="g", at_ms=T0)), encode(TICKET)]
    assert intake.push(100, values, [T0, T0 + 3, T0 + 1, T0 + 9, T0 + 4]) == 5
    sealed = intake.seal()
    assert sealed is not None
    batch, progress = sealed.batch, sealed.progress
    assert {name: len(rows) for name, rows in batch.rows.items()} == {"feedback": 1, "tickets": 1}
    assert [(r.offset, r.stamp_ms, r.raw) for r in batch.rejects] == [(101, T0 + 3, values[1]), (102, T0 + 1, b"")]
    assert all(reject.reason.startswith("$") for reject in batch.rejects)
    assert (len(batch), batch.n_valid, batch.n_tick) == (5, 2, 1)
    assert (progress.hi, progress.n_valid, progress.n_invalid, progress.arrival_ms) == (105, 2, 2, T0 + 9)


READING = Telemetry(event_id="e", tenant="t", source="s", event_time_ms=T0, device="d", metric="m", value=1.0)


@pytest.mark.parametrize(
    ("raw", "stamp_ms", "reason"),
    [
        (encode_json(answer()), T0 - 300_001, "$.event_time_ms: more than 5 minutes ahead of its arrival"),
        (encode_json(READING), T0, "$.signal: telemetry does not belong on this topic"),
        (encode_json(answer()), -1, "$: a record without a sensible timestamp"),
        (encode_json(answer()), LAST_MS, "$: a record without a sensible timestamp"),
        (b"", T0, "$: empty"),
    ],
)
def test_what_is_not_believed_is_rejected(raw: bytes, stamp_ms: int, reason: str) -> None:
    intake = Intake(None)
    intake.push(0, [raw], [stamp_ms])
    sealed = intake.seal()
    assert sealed is not None
    assert [(r.reason, r.raw) for r in sealed.batch.rejects] == [(reason, raw)]


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 4), st.sampled_from(["ok", "fail", "skip"])), max_size=12))
def test_every_record_is_stored_once_and_commits_follow(steps: list[tuple[int, int, str]]) -> None:
    """Chunks may overlap with what was read before; storing may fail; a commit never runs ahead of the stored rows."""
    log = [encode_json(answer(number)) for number in range(80)]
    intake, end, stored = Intake(0), 0, list[str]()
    key = TABLES[Feedback].columns.index("response_id")
    for size, overlap, outcome in steps:
        first = max(0, end - overlap)
        chunk = log[first : end + size]
        assert intake.push(first, chunk, [T0 + offset for offset in range(first, end + size)]) == size
        end += size
        if outcome == "skip":
            continue
        sealed = intake.seal()
        if outcome == "fail":
            assert intake.seal() is sealed
            assert intake.commit_offset() in (None, len(stored))
        elif sealed is not None:
            stored += [row[key] for row in sealed.batch.rows["feedback"]]
            assert sealed.progress.hi == sealed.progress.n_valid == len(stored)
            assert sealed.progress.arrival_ms == T0 + len(stored) - 1
            intake.acknowledge()
            assert intake.commit_offset() == len(stored)
            intake.committed(len(stored))
    while (sealed := intake.seal()) is not None:
        stored += [row[key] for row in sealed.batch.rows["feedback"]]
        intake.acknowledge()
    assert stored == [f"r{number}" for number in range(end)]
    assert intake.pending == 0


def test_pending_counts_what_is_sealed_and_what_fills() -> None:
    intake = Intake(0)
    intake.push(0, [TICK] * 3, [T0] * 3)
    intake.seal()
    intake.push(3, [TICK] * 2, [T0] * 2)
    assert intake.pending == 5
    intake.acknowledge()
    assert intake.pending == 2


def test_a_gap_is_refused() -> None:
    intake = Intake(7)
    with pytest.raises(InvariantError, match="expected offset 7, got 8"):
        intake.push(8, [TICK], [T0])
    intake.push(7, [TICK], [T0])
    with pytest.raises(InvariantError, match="expected offset 8, got 9"):
        intake.push(9, [TICK], [T0])


def test_a_partition_never_committed_starts_where_the_log_does() -> None:
    intake = Intake(None)
    assert intake.push(40, [TICK], [T0]) == 1
    intake.seal()
    assert intake.commit_offset() is None
    intake.acknowledge()
    assert intake.commit_offset() == 41


def test_nothing_new_is_neither_sealed_nor_committed() -> None:
    intake = Intake(5)
    assert intake.seal() is None
    assert intake.push(3, [TICK, TICK], [T0, T0]) == 0
    assert intake.seal() is None
    intake.acknowledge()
    assert intake.commit_offset() is None
