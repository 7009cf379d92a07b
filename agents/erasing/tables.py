"""What ClickHouse holds of one person, and destroying it.

No statement that changes something names the person: ClickHouse keeps the text of such statements. They find rows by
the hash of the pseudonym (`streams.erasures`), and each may be run again after a death at any point.

Rows of answers and invitations go. Of tickets, which are counted in published service levels, only the person goes;
the hash stands in its place, so that as many different people are counted as before. The same holds for blocks that
are not bundled yet. The ids of released answers give way to hashes: an answer that somebody sends once more, corrected
or from an old log, must not enter a second block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from agents.release_tables import HIDDEN_PREFIX
from agents.warehouse.client import Warehouse
from streams.erasures import subject_of

ROWS = ("feedback", "invitations", "invitation_times")
"""Tables whose rows of the person are destroyed."""
TICKETS = "tickets"
DETAILS = ("people", "lost_people", "factor_people")


def _hash(name: str) -> str:
    """Return SQL of `streams.erasures.subject_of` the tenant and a column."""
    return f"lower(hex(SHA256(concat(tenant, char(0), {name}))))"


_MINE = f"{_hash('person')} = {{subject:String}}"
_UNTIL = "log_time <= fromUnixTimestamp64Milli({until:Int64})"
_AT_ONCE = "SETTINGS mutations_sync = 2"
_ANSWERS = f"SELECT tenant, response_id FROM feedback WHERE {_MINE} AND {_UNTIL}"  # noqa: S608 - constants, here and below
_HIDE = f"""
INSERT INTO release_members (tenant, answer, epoch, run, block)
SELECT tenant, concat('{HIDDEN_PREFIX}', {_hash("answer")}), epoch, run, block
FROM release_members WHERE (tenant, answer) IN ({_ANSWERS})
"""  # noqa: S608
_UNHIDDEN = f"ALTER TABLE release_members DELETE WHERE (tenant, answer) IN ({_ANSWERS}) {_AT_ONCE}"
_MASKS = ", ".join(
    f"{name} = arrayMap(x -> if({_hash('x')} = {{subject:String}}, {{subject:String}}, x), {name})" for name in DETAILS
)
_HOLDS = f"arrayExists(x -> {_hash('x')} = {{subject:String}}, people)"
_HELD = {
    **{table: f"SELECT count(), toUnixTimestamp64Milli(max(log_time)) FROM {table} WHERE {_MINE}" for table in ROWS},  # noqa: S608
    TICKETS: f"SELECT count(), toUnixTimestamp64Milli(max(log_time)) FROM tickets WHERE {_MINE}",  # noqa: S608
    "release_members": (
        "SELECT count(), 0 FROM release_members WHERE (tenant, answer) IN "  # noqa: S608
        f"(SELECT tenant, response_id FROM feedback WHERE {_MINE})"
    ),
    "release_details": f"SELECT count(), 0 FROM release_details WHERE {_HOLDS}",  # noqa: S608
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What there is of a person.

    Attributes:
        rows: Table -> rows; tables without any are left out.
        newest_ms: Record timestamp of the newest of them; ms since the epoch, 0 without any.
    """

    rows: dict[str, int]
    newest_ms: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """An erasure as it is stored: its id and record timestamp, ms since the epoch."""

    erasure_id: str
    log_ms: int


class PersonTables:
    """One person's rows; all methods raise `WarehouseError`.

    Args:
        warehouse: As the user that writes.
        tenant: Whose person it is.
        pseudonym: Who.
    """

    def __init__(self, warehouse: Warehouse, tenant: str, pseudonym: str) -> None:
        self._warehouse = warehouse
        self._tenant = tenant
        self._pseudonym = pseudonym
        self.subject = subject_of(tenant, pseudonym)

    def held(self) -> Held:
        """Return what there is, quarantine included."""
        known = {"subject": self.subject}
        found = {table: self._warehouse.ask(sql, known)[0] for table, sql in _HELD.items()}
        rows = {table: int(count) for table, (count, _) in found.items() if count}
        if spoilt := self._spoilt():
            rows["quarantine"] = len(spoilt)
        return Held(rows=rows, newest_ms=max((int(at_ms) for count, at_ms in found.values() if count), default=0))

    def recorded(self) -> Recorded | None:
        """Return the newest erasure of the person."""
        rows = self._warehouse.ask(
            "SELECT erasure_id, toUnixTimestamp64Milli(log_time) FROM erasures FINAL "
            "WHERE subject = {subject:String} ORDER BY log_time DESC LIMIT 1",
            {"subject": self.subject},
        )
        return Recorded(*rows[0]) if rows else None

    def released_ms(self) -> int:
        """Return the end of the tenant's last marked epoch; ms since the epoch, 0 without any."""
        rows = self._warehouse.ask(
            "SELECT toUnixTimestamp64Milli(max(epoch)) FROM release_marks WHERE tenant = {tenant:String}",
            {"tenant": self._tenant},
        )
        return int(rows[0][0])

    def destroy(self, until_ms: int) -> Iterator[str]:
        """Destroy what lay in the log until an instant, table by table; yield the table that is done.

        The members come before the answers by which they are found.

        Args:
            until_ms: Record timestamp of the erasure; ms since the epoch.
        """
        known = {"subject": self.subject, "until": until_ms}
        steps: dict[str, Callable[[], Any]] = {
            "release_members": lambda: self._hide_members(known),
            **{table: lambda table=table: self._destroy_rows(table, known) for table in ROWS},  # type: ignore[misc]
            TICKETS: lambda: self._ask(
                f"ALTER TABLE {TICKETS} UPDATE person = {{subject:String}} WHERE {_MINE} AND {_UNTIL} {_AT_ONCE}", known
            ),
            "release_details": lambda: self._ask(
                f"ALTER TABLE release_details UPDATE {_MASKS} WHERE {_HOLDS} {_AT_ONCE}", known
            ),
            "quarantine": self._empty_spoilt,
        }
        for table, step in steps.items():
            step()
            yield table

    def _hide_members(self, known: dict[str, Any]) -> None:
        self._ask(_HIDE, known)
        self._ask(_UNHIDDEN, known)

    def _destroy_rows(self, table: str, known: dict[str, Any]) -> None:
        self._ask(f"ALTER TABLE {table} DELETE WHERE {_MINE} AND {_UNTIL} {_AT_ONCE}", known)

    def _spoilt(self) -> list[str]:
        """Return hashes of quarantined bytes that name the person."""
        rows = self._warehouse.ask(
            "SELECT DISTINCT lower(hex(SHA256(raw))) FROM quarantine WHERE position(raw, {needle:String}) > 0",
            {"needle": self._pseudonym},
        )
        return [str(row[0]) for row in rows]

    def _empty_spoilt(self) -> None:
        """Empty those bytes; that something was refused there, and why, stays counted."""
        if spoilt := self._spoilt():
            empty = "ALTER TABLE quarantine UPDATE raw = '' WHERE lower(hex(SHA256(raw))) IN {raws:Array(String)}"
            self._ask(f"{empty} {_AT_ONCE}", {"raws": spoilt})

    def _ask(self, sql: str, known: dict[str, Any]) -> None:
        self._warehouse.ask(sql, known)
