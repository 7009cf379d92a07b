"""Published tickets and answers by closed period, country and service; and whether there are new ones."""

from __future__ import annotations

from collections.abc import Mapping

from agents.warehouse.client import Warehouse
from agents.warehouse.migrate import public_of
from streams.judging.tandem import Cell
from streams.judging.watermelon import Kept
from streams.scores import Counts

MOST_BUCKETS = 400
"""Closed periods that are looked back at most: a year of days."""
MOST_ROWS = 500_000

_CELLS = """
SELECT 1000 * (toInt64(toUnixTimestamp(period_start)) + period_s) AS end_ms, country, service, tickets, made,
       toUInt64(0) AS detractors, toUInt64(0) AS neutrals, toUInt64(0) AS promoters
FROM {public}.sla
WHERE tenant = {{tenant:String}} AND end_ms > {{after:Int64}} AND end_ms <= {{until:Int64}}
UNION ALL
SELECT intDiv(toUnixTimestamp64Milli(epoch) + {{bucket:Int64}} - 1, {{bucket:Int64}}) * {{bucket:Int64}} AS end_ms,
       country, service, toUInt64(0), toUInt64(0),
       toUInt64(sum(f.detractors)), toUInt64(sum(f.neutrals)), toUInt64(sum(f.promoters))
FROM {public}.feedback_released AS f
WHERE tenant = {{tenant:String}} AND epoch > fromUnixTimestamp64Milli({{after:Int64}}, 'UTC')
  AND epoch <= fromUnixTimestamp64Milli({{until:Int64}}, 'UTC')
GROUP BY end_ms, country, service
LIMIT {{limit:UInt32}}
"""


class TandemStore:
    """Asks by one connection; for one thread at a time. Blocks and raises `WarehouseError`."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._sql = _CELLS.format(public=f"`{public_of(warehouse.address.database)}`")

    def cells(self, tenant: str, *, after_ms: int, until_ms: int, bucket_ms: int) -> list[Cell]:
        """Return what closed periods published, of those that end in (after_ms, until_ms].

        Args:
            tenant: Whose.
            after_ms: Start; ms UTC.
            until_ms: Newest end of a period; the release has to be past it.
            bucket_ms: Length of a period; milliseconds.
        """
        asked = {"tenant": tenant, "after": after_ms, "until": until_ms, "bucket": bucket_ms, "limit": MOST_ROWS}
        return [_cell(*row) for row in self._warehouse.ask(self._sql, asked)]


def _cell(end_ms: int, country: str, service: str, *numbers: int) -> Cell:
    tickets, made, detractors, neutrals, promoters = map(int, numbers)
    where: Mapping[str, str] = {"country": country, "service": service}
    answers = Counts(detractors=detractors, neutrals=neutrals, promoters=promoters)
    return Cell(end_ms=int(end_ms), where=where, kept=Kept(made=made, tickets=tickets), answers=answers)
