"""The judging of a simulated month: the judge's own rounds over what was released and what was closed.

A round looks at three hours: the blocks of its epochs are one sheet, in their order, so verdicts, intervals and
detectors come out as they would epoch by epoch, told eight times a day. Windows of telemetry are judged one by one, as
far back as base windows are kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from agents.bundle_tables import BundleRelease
from agents.docket import Cases, Docket, Held, hold
from agents.explaining import Explaining
from agents.judge_news import Grid
from agents.judge_replay import without_mix
from agents.judge_store import Closed, JudgeStore, MetricKey, TargetKey
from agents.judge_tandem import Tandems
from agents.release_tables import Release, counts_of, total
from agents.simulation.telemetry_load import Order, begun
from agents.warehouse.client import Warehouse
from streams.blocks import DIMENSIONS
from streams.catalogue import DIMENSIONS as TELEMETRY_DIMENSIONS
from streams.events.judging import Alert, Target, Verdict
from streams.judging.actions import Order as Action
from streams.judging.sheets import BundleEpoch, Epoch, ReleasedBlock, ReleasedBundle, WindowEnd, WindowRow
from streams.judging.verdicts import JudgeState, Ruler
from streams.profile import HOUR_MS, Profile
from streams.simulate.month import HOUR_S, Month
from streams.simulate.month_keys import KeyGroup
from streams.simulate.month_windows import MINUTE_S, Course, base_windows, device_bits, minutes
from streams.targets.indicators import INDICATORS, metrics_of

STEP_MS = 3 * HOUR_MS
"""Length of a round; a month of 300 targets at every epoch would be a million and a half verdicts."""


def grid_of(profile: Profile) -> Grid:
    """Return the grids of a profile, as the judge has them."""
    return Grid(
        epochs=Ruler(unit_ms=profile.epoch_ms, per_observation=profile.k),
        windows=Ruler(unit_ms=profile.window_ms, per_observation=1),
        bundles=Ruler(unit_ms=profile.epoch_ms, per_observation=profile.bundle_people),
    )


class MonthNews:
    """What was published until an instant that moves on; for `hold`.

    Args:
        month: Whose.
        profile: Its time scales.
        blocks, bundles: What was released; empty = nothing that matters here.
        windows: Metric -> its published windows; likewise.
    """

    def __init__(
        self,
        month: Month,
        profile: Profile,
        *,
        blocks: Sequence[Release] = (),
        bundles: Sequence[BundleRelease] = (),
        windows: Mapping[str, Sequence[WindowEnd]] = MappingProxyType({}),
    ) -> None:
        self._tenant, self._profile = month.tenant, profile
        self._epochs = _joined_epochs(blocks)
        self._bundles = _bundle_epochs(bundles)
        self._windows = windows
        self.until_ms = 1000 * (month.start_s if self._epochs else month.kept_s)

    def states(self, tenants: Collection[str]) -> dict[TargetKey, JudgeState]:  # noqa: ARG002 - the port asks so
        """Return nothing: these targets were never judged."""
        return {}

    def epochs(self, since: Mapping[str, int]) -> dict[str, list[Epoch]]:
        """Return the released epochs, those of a round as one."""
        after_ms = since.get(self._tenant, self.until_ms)
        found = [one for one in self._epochs if after_ms < one.at_ms <= self.until_ms]
        return {self._tenant: found} if found else {}

    def bundles(self, since: Mapping[str, int]) -> dict[str, list[BundleEpoch]]:
        """Return the epochs with bundles."""
        after_ms = since.get(self._tenant, self.until_ms)
        found = [one for one in self._bundles if after_ms < one.at_ms <= self.until_ms]
        return {self._tenant: found} if found else {}

    def orders(self, tenants: Collection[str]) -> dict[str, list[Action]]:  # noqa: ARG002 - the port asks so
        """Return nothing: nobody did anything."""
        return {}

    def recorded_ms(self) -> int | None:
        """Return up to when everything is known."""
        return self.until_ms

    def closed(self) -> Closed | None:
        """Return how far telemetry is closed."""
        profile = self._profile
        return Closed(profile.generation, self.until_ms + 1, profile.window_ms // 1000, profile.k)

    def windows(
        self,
        keys: Collection[MetricKey],
        closed: Closed,  # noqa: ARG002 - the port asks so
        *,
        after_ms: int,
        before_ms: int,
    ) -> dict[MetricKey, list[WindowEnd]]:
        """Return the published windows that end strictly between two instants."""
        return {
            (tenant, metric): [one for one in self._windows.get(metric, ()) if after_ms < one.at_ms < before_ms]
            for tenant, metric in keys
        }


def _joined_epochs(released: Sequence[Release]) -> list[Epoch]:
    blocks: dict[int, list[ReleasedBlock]] = defaultdict(list)
    for release in released:
        end_ms = -(-release.epoch_ms // STEP_MS) * STEP_MS
        pairs = sorted(zip(release.blocks, release.told, strict=True), key=lambda pair: pair[0].block)
        blocks[end_ms] += [
            ReleasedBlock(dict(zip(DIMENSIONS, block.labels, strict=True)), counts_of(total(told)))
            for block, told in pairs
        ]
    return [Epoch(end_ms, blocks[end_ms]) for end_ms in sorted(blocks)]


def _bundle_epochs(released: Sequence[BundleRelease]) -> list[BundleEpoch]:
    found: dict[int, list[ReleasedBundle]] = defaultdict(list)
    for release in released:
        for bundle, told in zip(release.bundles, release.told, strict=True):
            end_ms = -(-release.epoch_ms // STEP_MS) * STEP_MS
            found[end_ms].append(ReleasedBundle(dict(zip(DIMENSIONS, bundle.labels, strict=True)), told))
    return [BundleEpoch(end_ms, found[end_ms]) for end_ms in sorted(found)]


def windows_of(
    month: Month, groups: Sequence[KeyGroup], course: Course, targets: Sequence[Target], k: int
) -> dict[str, list[WindowEnd]]:
    """Return the published base windows of all metrics that targets judge, as far back as they are kept.

    Keys that no slice tells apart are added up.
    """
    judged = [target for target in targets if INDICATORS[target.indicator].reads == "windows"]
    metrics = {metric for target in judged for metric in metrics_of(target.indicator, target.metric)}
    names = {name for target in judged for name in target.slice}
    wanted = [group for group in groups if group.metric in metrics and group.covers_ms]
    return {group.metric: _ends(month, group, course, names, k) for group in wanted}


def _ends(month: Month, group: KeyGroup, course: Course, names: Collection[str], k: int) -> list[WindowEnd]:
    labels = [
        tuple((name, value) for name, value in zip(TELEMETRY_DIMENSIONS, dims, strict=True) if name in names)
        for dims, _ in group.keys
    ]
    different = list(dict.fromkeys(labels))
    part = np.zeros((len(group), len(different)), np.int64)
    part[np.arange(len(group)), [different.index(label) for label in labels]] = 1
    shared = np.array([is_shared for _, is_shared in group.keys])
    ends: list[WindowEnd] = []
    for at_s in range(month.kept_s, month.end_s, HOUR_S):
        words, masks = minutes(group, course, at_s, min(at_s + HOUR_S, month.end_s))
        counts = base_windows(group, words, masks, at_s).counts.astype(np.int64)
        shown = (shared | (device_bits(masks).sum(axis=-1) >= k)).astype(np.int64)
        attempted = (counts.sum(axis=-1) * shown) @ part * group.covers_ms
        good = (np.einsum("wks,ks->wk", counts, group.good.astype(np.int64)) * shown) @ part * group.covers_ms
        for minute in range(len(words)):
            rows = [
                WindowRow(dict(label), int(good[minute, i]), int(attempted[minute, i]))
                for i, label in enumerate(different)
                if attempted[minute, i]
            ]
            ends.append(WindowEnd(1000 * (at_s + (minute + 1) * MINUTE_S), rows))
    return ends


@dataclass(slots=True)
class Judged:
    """What judging came to.

    Attributes:
        verdicts: Rows of the ledger.
        rounds: Rounds with alerts, with their cases: not explained yet.
        alerts: As they were written.
        last: The last round that judged anything.
        newest: Target -> its last verdict.
    """

    verdicts: int = 0
    rounds: list[tuple[Cases, Held]] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    last: tuple[Cases, Held] | None = None
    newest: dict[str, Verdict] = field(default_factory=dict)

    def add(self, other: Judged) -> None:
        """Add what was judged elsewhere; of other targets."""
        self.verdicts += other.verdicts
        self.rounds += other.rounds
        self.alerts += other.alerts
        self.newest |= other.newest


def judge_month(
    store: JudgeStore,
    news: MonthNews,
    targets: Iterable[Target],
    month: Month,
    grid: Grid,
    tell: Callable[[float], None],
) -> Judged:
    """Hold the rounds of the month and write the ledger; alerts are kept until they can be explained.

    Raises:
        WarehouseError: Not acknowledged.
    """
    docket, found = Docket(), Judged()
    for target in targets:
        docket.learn(target)
    start_ms, end_ms = news.until_ms, month.end_s * 1000
    for until_ms in (*range(start_ms + STEP_MS, end_ms, STEP_MS), end_ms):
        news.until_ms = until_ms
        cases = docket.cases()
        held = hold(cases, dict(docket.states), dict(docket.seen), news, grid)
        docket.moved(held)
        store.write_entries(held.entries, now_ms=until_ms)
        found.verdicts += len(held.entries)
        found.newest |= {entry.verdict.target: entry.verdict for entry in held.entries}
        if held.alerts:
            found.rounds.append((cases, held))
        found.last = (cases, held) if held.entries else found.last
        tell((until_ms - start_ms) / (end_ms - start_ms))
    return found


def judge_windows(order: Order, targets: Sequence[Target]) -> Judged:
    """Judge what reads windows, in a process that was prepared for telemetry; as `judge_month`."""
    month, profile, loader = order.month, order.profile, begun()
    windows = windows_of(month, loader.groups, loader.course, targets, profile.k)
    with closing(Warehouse(order.address)) as warehouse:
        news = MonthNews(month, profile, windows=windows)
        return judge_month(JudgeStore(warehouse), news, targets, month, grid_of(profile), lambda _: None)


def raise_alerts(store: JudgeStore, found: Judged, explaining: Explaining) -> None:
    """Explain and write the alerts, as the judge does; everything that explains them is published.

    Raises:
        WarehouseError: Not acknowledged.
    """
    for cases, held in found.rounds:
        alerts = without_mix(explaining.explained(held.alerts, cases, held))
        for alert in alerts:
            store.write_alerts([alert], now_ms=alert.at_ms)
        found.alerts += alerts


def find_watermelons(store: JudgeStore, found: Judged, tandems: Tandems, explaining: Explaining) -> None:
    """Look at all targets beside a service level once, after the last round, and write what is found.

    Raises:
        WarehouseError: Not acknowledged.
    """
    if found.last is None:
        return
    cases, held = found.last
    alerts, _ = tandems.look(cases, held, store)
    for alert in without_mix(explaining.explained(alerts, cases, held)):
        store.write_alerts([alert], now_ms=alert.at_ms)
        found.alerts.append(alert)
