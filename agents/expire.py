"""Ends of life of the records lane: what is past its life by the clock of the log is taken out, once an hour.

How long what is kept says `agents.warehouse.lifetimes`. A round may die anywhere and be run again or twice at once:
each statement only takes out what is due, and the ids of released answers get their hash before they go.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import faust

from agents.app import aborting
from agents.release_books import runs_of
from agents.release_tables import HIDDEN_PREFIX, REACHED
from agents.retry import backoff_s
from agents.warehouse.client import Warehouse, WarehouseError
from agents.warehouse.lifetimes import LIFETIMES, RAW_MS

PAUSE_S = 3_600.0
FIRST_S = 60.0

_CUT = "fromUnixTimestamp64Milli({cut:Int64})"
_SPECIAL = ("invitation_times", "release_members", "release_details")
PLAIN = {
    one.table: f"{one.since} < {_CUT}"
    for one in LIFETIMES.values()
    if one.ends == "expirer" and one.table not in _SPECIAL
}
_GONE = f"""
epoch < {_CUT} AND NOT startsWith(answer, '{HIDDEN_PREFIX}')
AND (tenant, answer) NOT IN (SELECT tenant, response_id FROM feedback)
"""  # noqa: S608 - constants of this file
_HIDE = f"""
INSERT INTO release_members (tenant, answer, epoch, run, block)
SELECT tenant, concat('{HIDDEN_PREFIX}', lower(hex(SHA256(concat(tenant, char(0), answer))))), epoch, '', ''
FROM release_members WHERE {_GONE}
"""  # noqa: S608 - as above
_NOT_INVITED = f"log_time < {_CUT} AND (tenant, invitation_id) NOT IN (SELECT tenant, invitation_id FROM invitations)"  # noqa: S608
_TOLD = f"""
epoch < {_CUT} AND (
    epoch < fromUnixTimestamp64Milli({{oldest:Int64}})
    OR (tenant, block) IN (
        SELECT tenant, block FROM release_bundled WHERE (tenant, epoch, run) IN ({runs_of("release_bundle_marks")})
    )
    OR (tenant, block) IN (SELECT tenant, block FROM release_withdrawn)
)
"""  # noqa: S608 - as above

log = logging.getLogger(__name__)


class Expirer:
    """Takes out what is past its life; for one thread at a time."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def run(self, now_ms: int) -> dict[str, int]:
        """Take out what is due.

        Args:
            now_ms: Time now, ms since the epoch; the time of the log counts if it is earlier.

        Returns:
            Table -> rows that went; tables from which none did are left out.

        Raises:
            WarehouseError: No answer; call again later.
        """
        reached = self._warehouse.ask(REACHED)
        if not reached:
            return {}
        at_ms = min(now_ms, int(reached[0][0]))
        found = {table: self._take_out(table, due, at_ms) for table, due in PLAIN.items()}
        found["invitation_times"] = self._take_out("invitation_times", _NOT_INVITED, at_ms)
        found["release_members"] = self._take_out("release_members", _GONE, at_ms, before=_HIDE)
        found["release_details"] = self._take_out("release_details", _TOLD, at_ms)
        return {table: rows for table, rows in found.items() if rows}

    def _take_out(self, table: str, due: str, at_ms: int, *, before: str = "") -> int:
        known = {"cut": at_ms - LIFETIMES[table].keep_ms, "oldest": at_ms - RAW_MS}
        [(rows,)] = self._warehouse.ask(f"SELECT count() FROM {table} WHERE {due}", known)  # noqa: S608 - constants
        if not rows:
            return 0
        if before:
            self._warehouse.ask(before, known)
        self._warehouse.ask(f"ALTER TABLE {table} DELETE WHERE {due} SETTINGS mutations_sync = 2", known)
        return int(rows)


async def run(expirer: Expirer, *, is_mine: Callable[[], bool]) -> None:
    """Take out until cancelled.

    Args:
        expirer: Does the rounds.
        is_mine: Says whether this process is the one that does.
    """
    failures, pause_s = 0, FIRST_S
    while True:
        await asyncio.sleep(backoff_s(failures) if failures else pause_s)
        if is_mine():
            failures, pause_s = (0 if await _try_round(expirer) else failures + 1), PAUSE_S


async def _try_round(expirer: Expirer) -> bool:
    try:
        done = await asyncio.to_thread(expirer.run, int(time.time() * 1000))
    except WarehouseError as error:
        log.warning("expire_failed error=%s code=%s", type(error).__name__, error.code)
        return False
    for table in done:
        log.info("expired table=%s", table)
    return True


def register(app: faust.App, expirer: Expirer, *, is_mine: Callable[[], bool]) -> None:
    """Register the rounds as a task of `app`; the arguments are those of `run`."""

    async def expire_rows(_app: faust.App) -> None:
        with aborting():
            await run(expirer, is_mine=is_mine)

    app.task(expire_rows)
