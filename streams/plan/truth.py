"""What is known to have happened, as a table in a file: target, from, until."""

import csv
import io
from datetime import UTC, datetime

from streams.errors import TargetError
from streams.plan.backtest import Label

HEADER = ("target", "from", "until")


def read_labels(text: str, *, source: str) -> list[Label]:
    """Return the labels of a CSV text with the columns `HEADER`; times as ISO 8601, UTC where no zone is given.

    Args:
        text: CSV.
        source: Path of the file, for messages.

    Raises:
        TargetError: Names file, line and what is allowed.
    """
    rows = csv.reader(io.StringIO(text))
    if tuple(name.strip() for name in next(rows, ())) != HEADER:
        raise TargetError(f"{source}: line 1: the columns must be {','.join(HEADER)}")
    return [_label(row, f"{source}: line {number}") for number, row in enumerate(rows, start=2) if row]


def _label(row: list[str], where: str) -> Label:
    if len(row) != len(HEADER):
        raise TargetError(f"{where}: {len(row)} values; allowed: {','.join(HEADER)}")
    target, begin, end = (value.strip() for value in row)
    label = Label(target=target, from_ms=instant(begin, where=where), until_ms=instant(end, where=where))
    if not target or label.until_ms < label.from_ms:
        raise TargetError(f"{where}: allowed: a target's id, and an end that is not before the beginning")
    return label


def instant(text: str, *, where: str) -> int:
    """Return an ISO 8601 date or time in ms UTC.

    Args:
        text: Such as 2026-03-01 or 2026-03-01T08:00.
        where: What to name in a complaint.

    Raises:
        TargetError: It is none.

    Example:
        >>> instant("1970-01-01T00:01", where="--from")
        60000
    """
    try:
        found = datetime.fromisoformat(text)
        at_s = found.replace(tzinfo=found.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        raise TargetError(
            f"{where}: {text[:40]!r} is no time; allowed: such as 2026-03-01 or 2026-03-01T08:00"
        ) from None
    if at_s < 0:
        raise TargetError(f"{where}: {text[:40]!r} lies before 1970; allowed: such as 2026-03-01 or 2026-03-01T08:00")
    return int(at_s * 1000)
