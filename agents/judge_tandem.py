"""Watermelons for the judge: once the release is past the end of a period, look at the targets beside a service level.

All of it follows from published rows, so a look can be repeated: the same episodes, the same ids. What is stored
already is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agents.docket import Cases, Held
from agents.judge_store import TargetKey
from agents.tandem_store import MOST_BUCKETS
from streams.events.judging import Alert, Target
from streams.judging.tandem import Cell, Track, follow_family, is_tandem
from streams.targets.periods import period_start


class CellsPort(Protocol):
    """Where published tickets and answers are. Blocks."""

    def cells(self, tenant: str, *, after_ms: int, until_ms: int, bucket_ms: int) -> Sequence[Cell]:
        """Return what closed periods published, of those that end in (after_ms, until_ms]."""


class KnownPort(Protocol):
    """What alerts are stored. Blocks."""

    def newest(self, episodes: Collection[tuple[str, str]]) -> list[Alert]:
        """Return the newest stored state of each of some episodes (tenant, alert id)."""


@dataclass(slots=True)
class Tandems:
    """Looks once per tenant and closed period.

    Args:
        store: Where published tickets and answers are.
        bucket_ms: Length of a period; milliseconds.
    """

    store: CellsPort
    bucket_ms: int
    _looked: dict[str, int] = field(default_factory=dict)

    def look(self, cases: Cases, held: Held, known: KnownPort) -> tuple[list[Alert], dict[str, int]]:
        """Return the alerts that are not stored yet, and how far each tenant was looked at. Blocks; changes nothing.

        Args:
            cases: The targets that are judged here.
            held: What the round led to: how far answers have been released.
            known: Where alerts are stored.
        """
        retired = {key[0] for key in held.rulings if key in cases and _newest(cases[key]).state == "retired"}
        ends = {**{tenant: self._looked.get(tenant, 0) for tenant in retired}, **self._ends(held)}
        due = {t: end_ms for t, end_ms in ends.items() if t in retired or end_ms > self._looked.get(t, -1)}
        alerts = [alert for tenant, end_ms in sorted(due.items()) for alert in self._tenant(tenant, end_ms, cases)]
        return _unknown(alerts, known), due

    def looked(self, due: Mapping[str, int]) -> None:
        """Move on, once the alerts are out."""
        self._looked |= due

    def _ends(self, held: Held) -> dict[str, int]:
        """Return per tenant the end of the last period that the release is past."""
        ends: dict[str, int] = defaultdict(int)
        for (tenant, _), ruling in held.rulings.items():
            for entry in ruling.entries:
                if entry.state.scope_n:
                    end_ms = entry.state.at_ms // self.bucket_ms * self.bucket_ms
                    ends[tenant] = max(ends[tenant], end_ms)
        return ends

    def _tenant(self, tenant: str, end_ms: int, cases: Cases) -> list[Alert]:
        mine = {key: versions for key, versions in cases.items() if key[0] == tenant and is_tandem(_newest(versions))}
        if not mine:
            return []
        begin_ms = {key: self._begin(versions, end_ms) for key, versions in mine.items()}
        cells = self.store.cells(
            tenant, after_ms=min(begin_ms.values()), until_ms=end_ms, bucket_ms=self.bucket_ms
        )  # fmt: skip
        tracks = [Track(mine[key], begin_ms=begin_ms[key]) for key in sorted(mine)]
        return follow_family(tracks, cells, bucket_ms=self.bucket_ms)

    def _begin(self, versions: Sequence[Target], end_ms: int) -> int:
        """Return the start of a calendar period: the first one of the target, or the first that is looked back at."""
        first_ms = max(min(version.valid_from_ms for version in versions), end_ms - MOST_BUCKETS * self.bucket_ms)
        return period_start(_newest(versions).period, first_ms)


def _newest(versions: Sequence[Target]) -> Target:
    return max(versions, key=lambda version: version.version)


def _unknown(alerts: Sequence[Alert], known: KnownPort) -> list[Alert]:
    """Return the states that are later than the stored one of their episode."""
    keys: set[TargetKey] = {(alert.tenant, alert.alert_id) for alert in alerts}
    stored = {(one.tenant, one.alert_id): one.sequence for one in known.newest(keys)} if keys else {}
    return [alert for alert in alerts if alert.sequence > stored.get((alert.tenant, alert.alert_id), -1)]
