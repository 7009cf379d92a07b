"""What is known of people, devices and applications at an instant: the dimensions that senders leave out.

Where the directory has a value, it wins over the sender's; where it has none, the sender's stays.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from agents.gateway import directory_rows
from agents.gateway.directory_rows import DIMENSIONS, KINDS, Fault, Kind, Row
from agents.gateway.identity import is_pseudonym
from agents.metrics import counter, gauge
from streams.errors import ConfigError

log = logging.getLogger(__name__)

Known = dict[str, Any]
"""Fields of an event that the directory fills: the dimensions it knows, and `shared` of a device if it says so.

Shared by all who are in the same place: read, never changed.
"""

_SUFFIX: Final = ".csv"
_Versions = tuple[tuple[int, ...], tuple[Known, ...]]


class Directory:
    """The directory of one tenant."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        found: dict[str, dict[str, list[tuple[int, Known]]]] = {kind: {} for kind in KINDS}
        alike: dict[tuple[object, ...], Known] = {}
        for row in rows:
            looks = (row.dimensions, row.shared)
            if looks not in alike:  # thousands of devices are alike
                alike[looks] = _known(row)
            found[row.kind].setdefault(row.id, []).append((row.valid_from_ms, alike[looks]))
        self._versions: dict[str, dict[str, _Versions]] = {
            kind: {name: _in_order(dated) for name, dated in ids.items()} for kind, ids in found.items()
        }

    def lookup(self, kind: Kind, identity: str, at_ms: int) -> Known | None:
        """Return what holds at an instant; None = the id is unknown then.

        Args:
            kind: What the id is of.
            identity: A pseudonym, or an application's name.
            at_ms: When the event happened; milliseconds.
        """
        versions = self._versions[kind].get(identity)
        if versions is None:
            return None
        starts, known = versions
        if starts[-1] <= at_ms:
            return known[-1]
        position = bisect_right(starts, at_ms)
        return known[position - 1] if position else None

    def entries(self) -> Mapping[str, int]:
        """Return the number of ids by kind."""
        return {kind: len(ids) for kind, ids in self._versions.items()}


def _known(row: Row) -> Known:
    known: Known = {name: value for name, value in zip(DIMENSIONS, row.dimensions, strict=True) if value}
    if row.shared is not None and row.kind == "device":
        known["shared"] = row.shared
    return known


def _in_order(dated: list[tuple[int, Known]]) -> _Versions:
    dated.sort(key=lambda version: version[0])
    return tuple(start for start, _ in dated), tuple(known for _, known in dated)


def file_of(folder: Path, tenant: str) -> Path:
    """Return the file that holds a tenant's directory.

    Raises:
        ConfigError: The tenant's name is too long for a file.
    """
    name = quote(tenant, safe="").replace(".", "%2E")
    if not 1 <= len(name) <= 240:
        raise ConfigError("tenant: expected 1 to 240 characters as a file name (signs count three)")
    return folder / f"{name}{_SUFFIX}"


def read(path: Path) -> list[Row]:
    """Return the rows of a loaded directory.

    Raises:
        ConfigError: Names the file, the line and what is allowed there.
        OSError: The file cannot be read.
    """
    rows: list[Row] = []
    with path.open(encoding="utf-8", newline="") as lines:
        for line, row in directory_rows.parse(lines):
            if isinstance(row, Fault):
                raise ConfigError(f"{path}:{line}: {row.why}")
            if row.kind != "application" and not is_pseudonym(row.id):
                raise ConfigError(f"{path}:{line}: id: no pseudonym; bring the file in by `xpulse directory load`")
            rows.append(row)
    return rows


class DirectoryFolder:
    """The directories of all tenants, read again when their files change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, tuple[int, int, int]] = {}
        self._tenants: dict[str, Directory] = {}
        self._nothing = Directory()

    def of(self, tenant: str) -> Directory:
        """Return a tenant's directory; an empty one if none was loaded."""
        return self._tenants.get(tenant, self._nothing)

    def refresh(self) -> None:
        """Read what changed since the last time. Blocks; may run beside `of`.

        A file is swapped in whole. One that cannot be read leaves the tenant's former directory in place.

        Raises:
            ConfigError: Some file cannot be read; the others were.
        """
        now = self._signatures()
        if now == self._seen:
            return
        changed = {tenant for tenant, signature in now.items() if self._seen.get(tenant) != signature}
        self._seen = now
        for tenant in self._tenants.keys() - now.keys():
            del self._tenants[tenant]
        faults = [fault for tenant in sorted(changed) if (fault := self._load(tenant))]
        counts = [directory.entries() for directory in self._tenants.values()]
        for kind in KINDS:
            gauge("xpulse_gateway_directory_entries").labels(kind=kind).set(sum(count[kind] for count in counts))
        if faults:
            raise ConfigError(faults[0])

    def _load(self, tenant: str) -> str | None:
        path = file_of(self._folder, tenant)
        try:
            self._tenants[tenant] = Directory(read(path))
        except (ConfigError, OSError) as error:
            counter("xpulse_gateway_directory_loads_total").labels(outcome="failed").inc()
            return str(error)
        counter("xpulse_gateway_directory_loads_total").labels(outcome="ok").inc()
        log.info("directory_read file=%s", path.name)
        return None

    def _signatures(self) -> dict[str, tuple[int, int, int]]:
        if not self._folder.is_dir():
            return {}
        found: dict[str, tuple[int, int, int]] = {}
        for path in self._folder.iterdir():
            if path.suffix == _SUFFIX and not path.name.startswith("."):
                stat = path.stat()
                found[unquote(path.stem)] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        return found
