"""What must hold before a month may be written: the profile, an empty tenant, and days that nobody else is filling."""

from __future__ import annotations

import time
from dataclasses import replace

from agents.warehouse.client import Warehouse
from streams.errors import ConfigError
from streams.profile import Profile
from streams.simulate.month import Month

TENANT_TABLES = (
    "feedback", "invitations", "tickets", "changes", "actions", "release_marks", "release_blocks",
    "release_cohorts", "targets", "verdicts", "alerts", "tiles", "sealed_60s", "sealed_15m", "sealed_1d",
)  # fmt: skip
_ROWS = "SELECT count() FROM {table:Identifier} WHERE tenant = {tenant:String}"
_COMMITTED = "SELECT toUnixTimestamp(period_start), generation, seal FROM seals_committed WHERE period_s = 86400"
_TILED = "SELECT DISTINCT toUInt32(toYYYYMMDD(window_start)) FROM tiles"
_EXPIRED = "SELECT day FROM tiles_expired FINAL"


def in_force(warehouse: Warehouse, profile: Profile) -> Profile:
    """Return the profile with the generation that is in force.

    Raises:
        ConfigError: Another profile is.
    """
    rows = warehouse.ask("SELECT name, generation FROM current_profile")
    name, generation = rows[0] if rows else ("none", 0)
    if name != profile.name:
        raise ConfigError(f"--into: a month needs the profile {profile.name}; in force: {name}")
    return replace(profile, generation=int(generation))


def refuse(warehouse: Warehouse, month: Month) -> None:
    """Refuse a tenant that has anything already.

    Raises:
        ConfigError: It has.
    """
    for table in TENANT_TABLES:
        [(found,)] = warehouse.ask(_ROWS, {"table": table, "tenant": month.tenant})
        if found:
            raise ConfigError(f"--tenant: {month.tenant} has {found} rows in {table}; a month needs one of its own")


def seal_versions(warehouse: Warehouse, month: Month, profile: Profile) -> dict[int, int]:
    """Return the seal of each whole day: that of an earlier month, if there is one, else a new one.

    Raises:
        ConfigError: Another tenant's telemetry of such a day is not sealed for good.
    """
    committed = {int(s): (int(g), int(v)) for s, g, v in warehouse.ask(_COMMITTED)}
    tiled, expired = ({int(day) for (day,) in warehouse.ask(sql)} for sql in (_TILED, _EXPIRED))
    now_ms = int(time.time() * 1000)
    versions = {}
    for day_s in month.whole_days:
        day = int(time.strftime("%Y%m%d", time.gmtime(day_s)))
        generation, version = committed.get(day_s, (profile.generation, now_ms))
        if generation != profile.generation or (day in tiled and day not in expired):
            raise ConfigError(
                f"--into: there is telemetry of {day} that may still grow; take another folder, or an earlier --end"
            )
        versions[day_s] = version
    return versions
