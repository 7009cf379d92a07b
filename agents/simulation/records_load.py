"""People of a simulated month: answers, invitations, tickets and changes, played event by event.

They are enriched as the gateway does it and taken in as the records agent does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from uuid import UUID

import msgspec

from agents.gateway.directory import DirectoryFolder
from agents.gateway.enrich import Enricher, Incoming
from agents.gateway.identity import Pseudonyms
from agents.records import ClickHouseRecords, Origin
from agents.warehouse.client import Warehouse
from streams.codecs import encode_json
from streams.events import Change, Feedback, Invitation, Ticket
from streams.intake import Intake
from streams.records import TABLES, Row
from streams.simulate.agenda import Item
from streams.simulate.month import Month
from streams.simulate.organisation import Organisation
from streams.simulate.timeline import timeline

KINDS: Mapping[str, type[Incoming]] = {
    "feedback": Feedback, "invitations": Invitation, "tickets": Ticket, "changes": Change,
}  # fmt: skip
CHUNK = 20_000
"""Events that are stored together."""


@dataclass(slots=True)
class Records:
    """What the month's records came to.

    Attributes:
        rows: Table -> rows in their newest version, by tenant's entity.
        bodies: Everything as it was sent, for the oracle.
        events: How many records the log has.
    """

    rows: dict[str, dict[str, Row]] = field(default_factory=lambda: {table.name: {} for table in TABLES.values()})
    bodies: list[Item] = field(default_factory=list)
    events: int = 0


def take_in(
    month: Month,
    organisation: Organisation,
    directory: DirectoryFolder,
    pseudonyms: Pseudonyms,
    tell: Callable[[float], None],
) -> tuple[list[Intake], Records]:
    """Play the month's records and take them in; nothing is stored yet.

    Args:
        month: What is simulated.
        organisation: To whom it happens.
        directory: Has the organisation's directory.
        pseudonyms: Those of the installation.
        tell: Told now and then which share is done, 0 to 1.

    Returns:
        Filled intakes in the order of their offsets, and what they hold.
    """
    make = {path: Enricher(pseudonyms, directory).of_kind(kind) for path, kind in KINDS.items()}
    intakes, found = [], Records()
    for chunk in _chunks(_items(month, organisation)):
        events = [make[item.path](msgspec.convert(item.body, KINDS[item.path])) for item in chunk]
        intake = Intake(found.events)
        intake.push(found.events, [encode_json(event) for event in events], [item.at_ms for item in chunk])
        found.events += len(chunk)
        found.bodies += chunk
        intakes.append(intake)
        _remember(found, intake)
        tell((chunk[-1].at_ms / 1000 - month.start_s) / (month.end_s - month.start_s))
    return intakes, found


def _items(month: Month, organisation: Organisation) -> Iterator[Item]:
    items = timeline(month.scenario(organisation), month.seed, month.start_s * 1000)
    return takewhile(lambda item: item.at_ms < month.end_s * 1000, items)


def _chunks(items: Iterator[Item]) -> Iterator[list[Item]]:
    chunk: list[Item] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _remember(found: Records, intake: Intake) -> None:
    sealed = intake.seal()
    for table in TABLES.values() if sealed else ():
        key, version = table.columns.index(table.key), table.columns.index("version")
        newest = found.rows[table.name]
        for row in sealed.batch.rows.get(table.name, ()) if sealed else ():
            if row[key] not in newest or newest[row[key]][version] < row[version]:
                newest[row[key]] = row


def store(warehouse: Warehouse, incarnation: UUID, intakes: list[Intake], tell: Callable[[float], None]) -> None:
    """Store what was taken in, as the records agent stores it.

    Raises:
        WarehouseError: Not acknowledged.
    """
    records = ClickHouseRecords(warehouse, Origin(incarnation=incarnation, partitions=1))
    for number, intake in enumerate(intakes, start=1):
        if (sealed := intake.seal()) is not None:
            records.store([(0, sealed)])
            intake.acknowledge()
        tell(number / len(intakes))
