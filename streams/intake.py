"""The intake of one partition of the records lane: what came in, what is stored, what may be committed.

Nothing is folded, so a row needs no other row: an offset may be committed as soon as everything below it is stored.
Storing the same again changes nothing, since versions decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.codecs import Invalid, decode
from streams.errors import InvariantError
from streams.events import Event, Record, Tick
from streams.records import TABLES, Row, doubt, to_row
from streams.segments import Reject


@dataclass(slots=True)
class Batch:
    """What consecutive records of a partition come to.

    Attributes:
        rows: Table name -> rows in the order of the table's columns.
        rejects: What could not be decoded or believed.
        n_valid: Records that became rows.
        n_tick: Records that only say that time passed.
        arrival_ms: Largest record timestamp; ms since the epoch, 0 without records.
    """

    rows: dict[str, list[Row]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    n_valid: int = 0
    n_tick: int = 0
    arrival_ms: int = 0

    def __len__(self) -> int:
        return self.n_valid + self.n_tick + len(self.rejects)

    def add(self, raw: bytes, *, stamp_ms: int, offset: int) -> None:
        """Take in one record: as a row, as a reject, or, if it is a tick, as time that passed."""
        self.arrival_ms = max(self.arrival_ms, stamp_ms)
        result = decode(raw)
        if isinstance(result, Invalid):
            self.rejects.append(Reject(offset, stamp_ms, result.reason, raw))
        elif isinstance(result.event, Tick):
            self.n_tick += 1
        else:
            self._add_event(result.event, raw, stamp_ms, offset)

    def _add_event(self, event: Event, raw: bytes, stamp_ms: int, offset: int) -> None:
        reason = doubt(event, stamp_ms)
        if reason is not None or not isinstance(event, Record):
            self.rejects.append(Reject(offset, stamp_ms, reason or "$: not a record", raw))
            return
        row = to_row(event, stamp_ms=stamp_ms, offset=offset)
        self.rows.setdefault(TABLES[type(event)].name, []).append(row)
        self.n_valid += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a partition is stored.

    Attributes:
        hi: First offset that is not stored.
        n_valid: Records that became rows since the intake began.
        n_invalid: Records that were rejected since the intake began.
        arrival_ms: Largest record timestamp since the intake began; ms since the epoch.
    """

    hi: int
    n_valid: int
    n_invalid: int
    arrival_ms: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """A batch on its way to storage, unchanged until it is acknowledged, and how far the partition is with it."""

    batch: Batch
    progress: Progress


class Intake:
    """One partition from where it was committed.

    Args:
        start: The committed offset; None if nothing was ever committed, then the first record decides.
    """

    def __init__(self, start: int | None) -> None:
        self.expected = start
        self._filling = Batch()
        self._sealed: Sealed | None = None
        self._stored = Progress(hi=start or 0, n_valid=0, n_invalid=0, arrival_ms=0)
        self._committed = start

    @property
    def pending(self) -> int:
        """Records that are not stored yet."""
        return len(self._filling) + (len(self._sealed.batch) if self._sealed else 0)

    @property
    def stored_ms(self) -> int:
        """Up to when this partition is stored: the largest record timestamp; ms since the epoch, 0 if not known."""
        return self._stored.arrival_ms

    def push(self, first: int, values: Sequence[bytes | None], stamps: Sequence[int]) -> int:
        """Take in consecutive records; those seen before are skipped.

        Args:
            first: Offset of the first record.
            values: Raw values; None is rejected as empty.
            stamps: Record timestamps, ms since the epoch; as long as `values`.

        Returns:
            How many records were new.

        Raises:
            InvariantError: Records between the last one and `first` are missing.
        """
        expected = first if self.expected is None else self.expected
        if first > expected:
            raise InvariantError(f"the log has a gap: expected offset {expected}, got {first}")
        skip = min(expected - first, len(values))
        for offset, raw, stamp_ms in zip(
            range(expected, first + len(values)), values[skip:], stamps[skip:], strict=True
        ):
            self._filling.add(raw or b"", stamp_ms=stamp_ms, offset=offset)
        self.expected = max(expected, first + len(values))
        return len(values) - skip

    def seal(self) -> Sealed | None:
        """Return what is to be stored now; None if there is nothing. Until it is acknowledged, always the same."""
        if self._sealed is None and len(self._filling):
            batch, self._filling = self._filling, Batch()
            self._sealed = Sealed(batch, self._progress_with(batch))
        return self._sealed

    def _progress_with(self, batch: Batch) -> Progress:
        before = self._stored
        return Progress(
            hi=self.expected or 0,
            n_valid=before.n_valid + batch.n_valid,
            n_invalid=before.n_invalid + len(batch.rejects),
            arrival_ms=max(before.arrival_ms, batch.arrival_ms),
        )

    def acknowledge(self) -> None:
        """What `seal` returned is stored."""
        if self._sealed is not None:
            self._stored, self._sealed = self._sealed.progress, None

    def commit_offset(self) -> int | None:
        """Return the offset to commit; None if nothing new is stored."""
        return self._stored.hi if self._stored.hi != (self._committed or 0) else None

    def committed(self, offset: int) -> None:
        """`offset` was committed."""
        self._committed = offset
