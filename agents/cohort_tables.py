"""Cohorts of invitations in ClickHouse: who was asked and not counted yet, what was published, and publishing.

A row is its own mark: of several with the same start the first counts, for readers and for the release.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from agents.release_books import ERASURES
from agents.warehouse.client import Warehouse
from streams.cohorts import Asked, Cohort
from streams.erasures import Erased

_MARKED = """
SELECT tenant, start, argMin((end, invited, answered), (marked_at, end, invited, answered)) AS first
FROM release_cohorts GROUP BY tenant, start
"""
MARKED_SINCE = f"""
SELECT toUnixTimestamp64Milli(start), toUnixTimestamp64Milli(first.1), first.2, first.3 FROM ({_MARKED})
WHERE tenant = {{tenant:String}} AND start >= fromUnixTimestamp64Milli({{since:Int64}}) ORDER BY start
"""  # noqa: S608 - constants of this file
LAST_ENDS = f"SELECT tenant, toUnixTimestamp64Milli(max(first.1)) AS last_ms FROM ({_MARKED}) GROUP BY tenant"  # noqa: S608
WAITING = f"""
SELECT i.tenant, i.invitation_id, i.person, toUnixTimestamp64Milli(assumeNotNull(i.asked_at)) AS asked_ms,
       toUnixTimestamp64Milli(i.answered_at)
FROM (SELECT * FROM invitation_times FINAL) AS i
LEFT JOIN ({LAST_ENDS}) AS l ON l.tenant = i.tenant
WHERE isNotNull(i.asked_at) AND i.asked_at < fromUnixTimestamp64Milli({{until:Int64}}) AND asked_ms >= l.last_ms
"""  # noqa: S608 - as above
COLUMNS = ("tenant", "start", "end", "epoch", "invited", "answered", "rule")

Counted = tuple[int, int, int, int]
"""Start and end of a cohort, ms since the epoch; invited and answered."""


@dataclass(slots=True, kw_only=True)
class Invited:
    """What is known of one tenant's invitations that are in no cohort yet.

    Attributes:
        from_ms: End of the last cohort; ms since the epoch, None if there is none.
        asked: Who was asked since.
        answered_ms: Invitation -> when one first heard that it was answered; None = never.
        erasures: Who is to be forgotten.
    """

    from_ms: int | None = None
    asked: list[Asked] = field(default_factory=list)
    answered_ms: dict[str, int | None] = field(default_factory=dict)
    erasures: list[Erased] = field(default_factory=list)


class CohortTables:
    """Reads what cohorts are made of and publishes them. Raises `WarehouseError`."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def invited(self, asked_until_ms: int, *, erased_until_ms: int) -> dict[str, Invited]:
        """Return all tenants with invitations that are in no cohort.

        Args:
            asked_until_ms: Those that were heard of before; ms since the epoch.
            erased_until_ms: Whoever was erased until then is to be forgotten; ms since the epoch.
        """
        found: dict[str, Invited] = defaultdict(Invited)
        waiting = self._warehouse.ask(WAITING, {"until": asked_until_ms})
        for tenant, invitation, person, asked_ms, answered_ms in waiting:
            found[tenant].asked.append(Asked(invitation=invitation, log_ms=asked_ms, person=person))
            found[tenant].answered_ms[invitation] = answered_ms
        for tenant, subject, log_ms in self._warehouse.ask(ERASURES, {"until": erased_until_ms}) if found else ():
            if tenant in found:
                found[tenant].erasures.append(Erased(subject=subject, log_ms=log_ms))
        for tenant, last_ms in self._warehouse.ask(LAST_ENDS) if found else ():
            if tenant in found:
                found[tenant].from_ms = last_ms
        return dict(found)

    def publish(self, tenant: str, cohort: Cohort, answered: int, rule: str) -> None:
        """Publish one cohort."""
        invited = len(cohort.members)
        row = (tenant, cohort.start_ms, cohort.end_ms, cohort.epoch_ms, invited, answered, rule)
        self._warehouse.insert_rows("release_cohorts", COLUMNS, [row])

    def published_since(self, tenant: str, start_ms: int) -> list[Counted]:
        """Return the cohorts of a tenant that begin at `start_ms` or later and count, oldest first."""
        rows: Iterable[Counted] = self._warehouse.ask(MARKED_SINCE, {"tenant": tenant, "since": start_ms})
        return list(rows)
