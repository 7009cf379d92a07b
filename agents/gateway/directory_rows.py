"""The lines of a directory file: read, checked, written.

A directory is a dated CSV. One line says what holds for one person, device or application from a day on; a later line
for the same id replaces it from its own day on. Empty = not known.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal, NamedTuple, cast, get_args

from streams.checks import is_tricky

Kind = Literal["person", "device", "application"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
DIMENSIONS: Final = ("country", "site", "business_unit", "service", "device_model", "os_version")
HEADER: Final = ("kind", "id", "valid_from", *DIMENSIONS, "shared")
APPLIES: Final = {
    "person": frozenset({"country", "site", "business_unit"}),
    "device": frozenset({*DIMENSIONS, "shared"}),
    "application": frozenset({"service"}),
}
"""Columns that may be filled, by kind. A person has no service: an answer's service is what it is about."""
RESERVED: Final = frozenset({"*", "__other__"})
"""Values with a meaning of their own in results: mixed, and folded together for want of keys."""
MAX_ID: Final = 200
MAX_DIMENSION: Final = 120

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_SHARED: Final = {"": None, "true": True, "false": False}
_EXPECTED_TIME: Final = "expected a day (2026-03-02) or a time with its zone (2026-03-02T06:00:00Z), 1970 or later"


class Row(NamedTuple):
    """What holds for one id from an instant on.

    Attributes:
        valid_from_ms: Milliseconds since 1970, UTC; a day begins at midnight UTC.
        dimensions: Values of `DIMENSIONS`, in that order.
        shared: The device is nobody's; None = not said.
    """

    kind: Kind
    id: str
    valid_from_ms: int
    dimensions: tuple[str, ...]
    shared: bool | None

    @property
    def place(self) -> tuple[str, str, int]:
        """What makes it one line: a second one of the same place replaces it."""
        return self.kind, self.id, self.valid_from_ms


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that a person must correct.

    Attributes:
        line: Number in the file, from 1.
        why: Column, rule and allowed values; never an id.
    """

    line: int
    why: str


def parse(lines: Iterable[str]) -> Iterator[tuple[int, Row | Fault]]:
    """Yield each line after the header with its number; a wrong header is the only thing then."""
    reader = csv.reader(lines, strict=True)
    try:
        if tuple(next(reader, ())) != HEADER:
            yield 1, Fault(1, f"expected the header {','.join(HEADER)}")
            return
        for cells in reader:
            if cells:
                yield reader.line_num, _row(reader.line_num, cells)
    except csv.Error as error:
        yield reader.line_num, Fault(reader.line_num, f"not CSV: {error}")
    except UnicodeDecodeError:
        yield reader.line_num + 1, Fault(reader.line_num + 1, "not UTF-8, here or in the lines after")


def _row(line: int, cells: list[str]) -> Row | Fault:
    if len(cells) != len(HEADER):
        return Fault(line, f"{len(cells)} columns; expected {len(HEADER)}")
    kind, identity, valid_from, *rest = map(str.strip, cells)
    if kind not in KINDS:
        return Fault(line, f"kind: expected one of {', '.join(KINDS)}")
    if not 1 <= len(identity) <= MAX_ID or is_tricky(identity):
        return Fault(line, f"id: expected 1 to {MAX_ID} characters, no control character or hidden text direction")
    instant, place = _instant_ms(valid_from), _place(kind, tuple(rest))
    if isinstance(place, str) or instant is None:
        return Fault(line, place if isinstance(place, str) else f"valid_from: {_EXPECTED_TIME}")
    return Row(cast("Kind", kind), identity, instant, *place)


@lru_cache(maxsize=1 << 16)
def _place(kind: str, cells: tuple[str, ...]) -> tuple[tuple[str, ...], bool | None] | str:
    """Return dimensions and `shared`, or what is wrong with them; remembered, since many ids are in the same place."""
    for name, value in zip(HEADER[3:], cells, strict=True):
        if why := _cell_fault(kind, name, value):
            return why
    *dimensions, shared = cells
    if shared.lower() not in _SHARED:
        return "shared: expected true, false or nothing"
    if kind == "application" and not dimensions[DIMENSIONS.index("service")]:
        return "service: an application needs one"
    return tuple(dimensions), _SHARED[shared.lower()]


def _cell_fault(kind: str, name: str, value: str) -> str | None:
    if name not in APPLIES[kind] and value and (name, value.lower()) != ("shared", "false"):
        return f"{name}: leave it empty for kind {kind}; allowed there: {', '.join(sorted(APPLIES[kind]))}"
    if len(value) > MAX_DIMENSION:
        return f"{name}: at most {MAX_DIMENSION} characters"
    if is_tricky(value):
        return f"{name}: control character or hidden text direction"
    return f"{name}: {value} is reserved" if value in RESERVED else None


@lru_cache(maxsize=4096)
def _instant_ms(text: str) -> int | None:
    try:
        if _DAY.fullmatch(text):
            found = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        else:
            found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is None or found < _EPOCH:
        return None
    return (found - _EPOCH) // _MS


def write(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a file, header first, that reads back as these rows."""
    line: list[str] = []
    writer = csv.writer(_Lines(line), lineterminator="\n")
    writer.writerow(HEADER)
    yield line.pop()
    for row in rows:
        shared = "" if row.shared is None else str(row.shared).lower()
        writer.writerow((row.kind, row.id, _text(row.valid_from_ms), *row.dimensions, shared))
        yield line.pop()


@lru_cache(maxsize=4096)
def _text(instant_ms: int) -> str:
    return (_EPOCH + instant_ms * _MS).isoformat().replace("+00:00", "Z")


class _Lines:
    """A file to `csv.writer` that hands over each line."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def write(self, line: str) -> None:
        self._lines.append(line)
