"""A replay of what is stored through targets that are not published: the rounds of the judge, held on the past.

Nothing is written. The judge's own questions are asked, of a store that knows nothing later than an end and nothing
that was judged; so what is found is what would have been judged, had the targets been published at the beginning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from agents.docket import Docket, hold
from agents.judge_news import Grid, Published
from agents.judge_store import Closed, MetricKey, TargetKey
from agents.warehouse.client import Warehouse
from streams.events.judging import Alert, Target
from streams.judging.actions import Order
from streams.judging.rounds import Entry
from streams.judging.sheets import BundleEpoch, Epoch, WindowEnd
from streams.judging.verdicts import JudgeState
from streams.plan.backtest import Backtest, Course, Label, raised, scored, side_by_side
from streams.targets.differences import file_of_target
from streams.targets.indicators import INDICATORS

_RAISED = """
SELECT body FROM alerts FINAL
WHERE tenant = {tenant:String} AND body != ''
  AND started_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
  AND at <= fromUnixTimestamp64Milli({until:Int64}, 'UTC')
ORDER BY started_at, alert_id, sequence
"""


class Rewound:
    """What had been published until an instant, with nothing judged yet.

    Args:
        store: Where it is stored.
        until_ms: The instant; ms UTC.
    """

    def __init__(self, store: Published, until_ms: int) -> None:
        self._store = store
        self._until_ms = until_ms

    def states(self, tenants: Collection[str]) -> dict[TargetKey, JudgeState]:  # noqa: ARG002 - the port asks so
        """Return nothing: these targets were never judged."""
        return {}

    def epochs(self, since: Mapping[str, int]) -> dict[str, list[Epoch]]:
        """Return the released epochs of each tenant until the instant, as the store gives them."""
        found = self._store.epochs(since)
        kept = {tenant: [one for one in some if one.at_ms <= self._until_ms] for tenant, some in found.items()}
        return {tenant: some for tenant, some in kept.items() if some}

    def bundles(self, since: Mapping[str, int]) -> dict[str, list[BundleEpoch]]:
        """Return the epochs with their bundles of each tenant until the instant, as the store gives them."""
        found = self._store.bundles(since)
        kept = {tenant: [one for one in some if one.at_ms <= self._until_ms] for tenant, some in found.items()}
        return {tenant: some for tenant, some in kept.items() if some}

    def orders(self, tenants: Collection[str]) -> dict[str, list[Order]]:
        """Return every revision of every action: judging leaves out what had not been written down."""
        return self._store.orders(tenants)

    def recorded_ms(self) -> int | None:
        """Return up to when records were stored at the instant."""
        recorded_ms = self._store.recorded_ms()
        return None if recorded_ms is None else min(recorded_ms, self._until_ms)

    def closed(self) -> Closed | None:
        """Return how far telemetry was closed at the instant."""
        closed = self._store.closed()
        return None if closed is None else replace(closed, before_ms=min(closed.before_ms, self._until_ms + 1))

    def windows(
        self, keys: Collection[MetricKey], closed: Closed, *, after_ms: int, before_ms: int
    ) -> dict[MetricKey, list[WindowEnd]]:
        """Return the published windows between two instants."""
        return self._store.windows(keys, closed, after_ms=after_ms, before_ms=before_ms)


@dataclass(slots=True)
class Replayed:
    """What the judge would have written."""

    alerts: list[Alert] = field(default_factory=list)
    entries: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))


def replay(targets: Sequence[Target], store: Published, until_ms: int, grid: Grid) -> Replayed:
    """Judge what was published until an instant by targets that are valid from their own `valid_from_ms` on. Blocks.

    Raises:
        DeliveryError: The store did not answer.
    """
    docket, found, past = Docket(), Replayed(), Rewound(store, until_ms)
    for target in targets:
        docket.learn(target)
    before: Mapping[TargetKey, int] | None = None
    while before != docket.seen:
        before = dict(docket.seen)
        held = hold(docket.cases(), dict(docket.states), before, past, grid)
        docket.moved(held)
        found.alerts += held.alerts
        for entry in held.entries:
            found.entries[entry.verdict.target].append(entry)
    return found


def were_raised(warehouse: Warehouse, tenant: str, files: Collection[str], since_ms: int, until_ms: int) -> list[Alert]:
    """Return the stored states of alerts of some files' targets that began and were said in a time; ms UTC."""
    rows = warehouse.ask(_RAISED, {"tenant": tenant, "since": since_ms, "until": until_ms})
    found = [msgspec.json.decode(str(body), type=Alert) for (body,) in rows]
    return [alert for alert in found if file_of_target(alert.target) in files]


def backtest(
    targets: Sequence[Target], replayed: Replayed, was: Sequence[Alert], until_ms: int, labels: Sequence[Label]
) -> Backtest:
    """Return a replay and what was raised, side by side.

    Args:
        targets: What was replayed; of one tenant, valid from one instant on; at least one.
        replayed: From `replay`.
        was: From `were_raised`.
        until_ms: End of the time; ms UTC.
        labels: What is known to have happened; may be empty.
    """
    would_be, were = raised(replayed.alerts), raised(was)
    return Backtest(
        tenant=targets[0].tenant,
        from_ms=targets[0].valid_from_ms,
        until_ms=until_ms,
        would=would_be,
        was=were,
        pairs=side_by_side(would_be, were),
        judged={target.target: len(replayed.entries.get(target.target, ())) for target in targets},
        courses=[_course(target, replayed.entries.get(target.target, ())) for target in targets],
        labels=list(labels),
        scores={"would": scored(would_be, labels), "was": scored(were, labels)} if labels else {},
    )


def _course(target: Target, entries: Sequence[Entry]) -> Course:
    scale = INDICATORS[target.indicator].scale
    verdicts = [entry.verdict for entry in entries]
    return Course(
        target=target.target,
        objective=target.objective,
        lowest=scale.lowest,
        highest=scale.highest,
        points=[(one.at_ms, one.rolling_score) for one in verdicts if one.rolling_score is not None],
    )
