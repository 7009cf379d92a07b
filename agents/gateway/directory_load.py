"""Bringing a directory in: all lines or none, identities replaced, merged with what was loaded before."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agents.gateway import directory, directory_rows
from agents.gateway.directory_rows import Fault, Row
from agents.gateway.identity import Pseudonyms
from streams.errors import ConfigError

SHOWN_FAULTS: Final = 20
"""Most faults that one error names."""
_PROGRESS_EVERY: Final = 10_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did; counts of lines.

    Attributes:
        added: Places (kind, id, valid-from) that were new.
        changed: Places that were there with other values.
        total: Lines that the tenant's directory has now.
    """

    added: int
    changed: int
    unchanged: int
    total: int


def load(
    source: Path,
    *,
    tenant: str,
    folder: Path,
    pseudonyms: Pseudonyms,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Loaded:
    """Merge a directory file into a tenant's directory; the new file takes the old one's place at once.

    Args:
        source: A CSV with the header of `directory_rows.HEADER` and raw ids.
        tenant: Whose directory it is.
        folder: Where loaded directories lie; created if missing, for the owner only.
        pseudonyms: Those of the gateway: the same master key.
        on_progress: Told the number of lines read, now and then.

    Raises:
        ConfigError: Names file, line, column and what is allowed; nothing was loaded.
    """
    new = _checked(source, tenant, pseudonyms, on_progress)
    target = directory.file_of(folder, tenant)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(folder):
        old = {row.place: row for row in directory.read(target)} if target.exists() else {}
        merged = old | new
        _replace(target, [merged[place] for place in sorted(merged)])
    changed = sum(1 for place, row in new.items() if old.get(place, row) != row)
    added = len(merged) - len(old)
    return Loaded(added, changed, len(new) - added - changed, len(merged))


def count_person(folder: Path, tenant: str, pseudonym: str) -> int:
    """Return how many lines of a tenant's directory are about a person.

    Raises:
        ConfigError: The directory cannot be read.
    """
    target = directory.file_of(folder, tenant)
    return sum(_is_person(row, pseudonym) for row in directory.read(target)) if target.exists() else 0


def forget_person(folder: Path, tenant: str, pseudonym: str) -> None:
    """Take the lines about a person out of a tenant's directory.

    Raises:
        ConfigError: The directory cannot be read; nothing was changed.
    """
    if not count_person(folder, tenant, pseudonym):
        return
    with _alone(folder):
        target = directory.file_of(folder, tenant)
        _replace(target, [row for row in directory.read(target) if not _is_person(row, pseudonym)])


def _is_person(row: Row, pseudonym: str) -> bool:
    return row.kind == "person" and row.id == pseudonym


_Places = dict[tuple[str, str, int], Row]


def _checked(source: Path, tenant: str, pseudonyms: Pseudonyms, on_progress: Callable[[int], None]) -> _Places:
    rows: _Places = {}
    lines: dict[tuple[str, str, int], int] = {}
    faults: list[Fault] = []
    for count, (line, parsed) in enumerate(_parsed(source), 1):
        row = parsed if isinstance(parsed, Fault) else _masked(line, parsed, tenant, pseudonyms)
        if isinstance(row, Row) and rows.setdefault(row.place, row) is not row:
            row = Fault(line, f"id: the same kind, id and valid_from as in line {lines[row.place]}")
        if isinstance(row, Fault):
            faults.append(row)
        else:
            lines[row.place] = line
        if count % _PROGRESS_EVERY == 0:
            on_progress(count)
    if faults:
        raise ConfigError(_explain(source, faults))
    return rows


def _parsed(source: Path) -> Iterator[tuple[int, Row | Fault]]:
    try:
        with source.open(encoding="utf-8-sig", newline="") as lines:
            yield from directory_rows.parse(lines)
    except OSError as error:
        raise ConfigError(f"{source}: {error.strerror}") from error


def _masked(line: int, row: Row, tenant: str, pseudonyms: Pseudonyms) -> Row | Fault:
    if row.kind == "application":
        return row
    pseudonym = pseudonyms.of(tenant, row.kind, row.id)
    return row._replace(id=pseudonym) if pseudonym else Fault(line, "id: blank")


def _explain(source: Path, faults: list[Fault]) -> str:
    shown = [f"{source}:{fault.line}: {fault.why}" for fault in faults[:SHOWN_FAULTS]]
    more = [f"and {len(faults) - SHOWN_FAULTS} more lines"] if len(faults) > SHOWN_FAULTS else []
    return "\n".join([*shown, *more, "nothing was loaded"])


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a second load of the same folder waiting, so that neither loses the other's lines."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(target: Path, rows: list[Row]) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".loading-")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.writelines(directory_rows.write(rows))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
