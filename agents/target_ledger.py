"""Versions of targets: appended to the table and put on the topic, in this order.

The table is the memory; the topic is what the judge reads. Publishing puts the newest versions on the topic even if
nothing changed: a run that died between the two is mended by the next one, and a repeated version changes nothing. A
broker that forgets gets all versions again by `republish`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agents.publisher import Outgoing, Receipt
from agents.topics import TARGETS
from agents.warehouse.client import Warehouse
from streams.codecs import Ok, decode, encode_json
from streams.errors import InvariantError
from streams.events.judging import Target
from streams.targets import Stamp, next_version, retirement

COLUMNS = ("tenant", "target", "version", "state", "valid_from", "recorded_at", "author", "reason", "body")

RETIRED_LATELY_MS = 86_400_000

_ALL = "SELECT body FROM targets FINAL ORDER BY tenant, target, version"
_ONE = """
SELECT body FROM targets FINAL
WHERE target = {target:String} AND {tenant:String} IN ('', tenant) ORDER BY tenant, version
"""
_TENANT = "SELECT body FROM targets FINAL WHERE tenant = {tenant:String} ORDER BY target, version"


class TargetPublisher(Protocol):
    """Who puts versions on their topic."""

    async def publish(self, topic: str, batch: Sequence[Outgoing]) -> list[Receipt]:
        """Send records; returns once all are acknowledged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What publishing did.

    Attributes:
        appended: New versions.
        unchanged: Newest versions that already promise the same.
    """

    appended: tuple[Target, ...]
    unchanged: tuple[Target, ...]


class TargetLedger:
    """The table of target versions; methods block and raise `WarehouseError`."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def newest(self, tenant: str) -> dict[str, Target]:
        """Return the newest version of each of a tenant's targets, by id."""
        rows = self._warehouse.ask(_TENANT, {"tenant": tenant})
        return {target.target: target for target in map(_target, rows)}

    def everything(self, retired_since_ms: int) -> list[Target]:
        """Return all versions of all targets that are active, or were not yet retired at an instant; oldest first."""
        versions = [_target(row) for row in self._warehouse.ask(_ALL)]
        newest = {(target.tenant, target.target): target for target in versions}
        kept = {
            key for key, last in newest.items() if last.state == "active" or last.recorded_at_ms >= retired_since_ms
        }
        return [target for target in versions if (target.tenant, target.target) in kept]

    def versions(self, target: str, tenant: str = "") -> list[Target]:
        """Return all versions of a target, oldest first; tenant by tenant where no tenant is named."""
        return [_target(row) for row in self._warehouse.ask(_ONE, {"target": target, "tenant": tenant})]

    def append(self, targets: Sequence[Target]) -> None:
        """Append versions; the same ones again change nothing."""
        self._warehouse.insert_rows("targets", COLUMNS, [_row(target) for target in targets])


async def publish(ledger: TargetLedger, publisher: TargetPublisher, drafts: Sequence[Target]) -> Published:
    """Append what changed and put the newest version of every draft on the topic.

    Args:
        ledger: The table.
        publisher: To the topic.
        drafts: Targets of one tenant, as `streams.targets.expand` returns them.

    Raises:
        DeliveryError: The table or the broker did not acknowledge; publish again.
    """
    known: Mapping[str, Target] = ledger.newest(drafts[0].tenant) if drafts else {}
    appended, unchanged = [], []
    for draft in drafts:
        version = next_version(known.get(draft.target), draft)
        if version is None:
            unchanged.append(known[draft.target])
        else:
            appended.append(version)
    ledger.append(appended)
    await _announce(publisher, [*unchanged, *appended])
    return Published(appended=tuple(appended), unchanged=tuple(unchanged))


async def retire(ledger: TargetLedger, publisher: TargetPublisher, tenant: str, stamp: Stamp) -> list[Target]:
    """End all targets of a tenant: nobody judges them any more, and open alerts are resolved.

    Raises:
        DeliveryError: The table or the broker did not acknowledge; retire again.
    """
    return await _end(ledger, publisher, list(ledger.newest(tenant).values()), stamp)


async def prune(
    ledger: TargetLedger, publisher: TargetPublisher, tenant: str, stamp: Stamp, gone: Collection[str]
) -> list[Target]:
    """End some targets of a tenant, by id, as `retire` ends all.

    Raises:
        DeliveryError: The table or the broker did not acknowledge; prune again.
    """
    newest = ledger.newest(tenant)
    return await _end(ledger, publisher, [newest[name] for name in newest if name in gone], stamp)


async def _end(
    ledger: TargetLedger, publisher: TargetPublisher, newest: Sequence[Target], stamp: Stamp
) -> list[Target]:
    ended = [version for target in newest if (version := retirement(target, stamp))]
    ledger.append(ended)
    await _announce(publisher, [*(target for target in newest if target.state == "retired"), *ended])
    return ended


async def republish(ledger: TargetLedger, publisher: TargetPublisher) -> int:
    """Put all versions of targets on the topic again, for a broker that has forgotten them; return how many.

    Those that were retired lately are among them: their open alerts may not have been resolved yet.

    Raises:
        DeliveryError: The table or the broker did not answer.
    """
    versions = ledger.everything(int(time.time() * 1000) - RETIRED_LATELY_MS)
    await _announce(publisher, versions)
    return len(versions)


async def _announce(publisher: TargetPublisher, targets: Sequence[Target]) -> None:
    now_ms = int(time.time() * 1000)
    batch = [(key_of(target), encode_json(target), now_ms, None) for target in targets]
    await publisher.publish(TARGETS, batch)


def key_of(target: Target) -> bytes:
    """Return a version's key on the topic: one judge has all targets of a tenant, as they may explain each other."""
    return target.tenant.encode()


def _row(target: Target) -> list[Any]:
    return [
        target.tenant,
        target.target,
        target.version,
        target.state,
        target.valid_from_ms,
        target.recorded_at_ms,
        target.author,
        target.reason,
        encode_json(target).decode(),
    ]


def _target(row: Sequence[Any]) -> Target:
    outcome = decode(str(row[0]).encode())
    if not isinstance(outcome, Ok) or not isinstance(outcome.event, Target):
        raise InvariantError("a stored target version cannot be read")
    return outcome.event
