"""Adding to alerts why they were raised, and where to look further.

An explanation is help and never a condition: what cannot be read is logged and counted, and the alert goes out without.
Only alerts that call somebody are explained, and so many of a round at most; the others are raised as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from agents.docket import Cases, Held
from agents.judge_news import Grid, family_of
from agents.judge_store import TargetKey
from agents.links import Bases, with_links
from agents.metrics import counter
from agents.refusals import log_failure
from agents.warehouse.client import WarehouseError
from agents.why_store import Moment
from streams.events.judging import Alert, Target
from streams.judging.verdicts import JudgeState, verdict_begin
from streams.targets.indicators import INDICATORS
from streams.why.explanation import Why
from streams.why.telling import with_why

log = logging.getLogger(__name__)

MOST_EXPLAINED = 20
"""Alerts of one round that are explained at most."""


class WhyPort(Protocol):
    """Where explanations come from. Blocks."""

    def why(self, target: Target, moment: Moment) -> Why:
        """Explain a change of a target's score by what is published up to the alert."""


class Explaining:
    """Explains the alerts of a round.

    Args:
        store: Where explanations come from; used by one thread at a time.
        grid: Epochs, windows and k.
        bases: Configured addresses for people's browsers.
    """

    def __init__(self, store: WhyPort, grid: Grid, bases: Bases) -> None:
        self._store = store
        self._grid = grid
        self._bases = bases

    def explained(self, alerts: Sequence[Alert], cases: Cases, held: Held) -> list[Alert]:
        """Return the alerts, those that call with links and, as far as it can be read, with why. Blocks."""
        left, told = MOST_EXPLAINED, []
        for alert in alerts:
            is_asked = left > 0 and alert.calls == "yes" and alert.state == "firing"
            left -= is_asked
            told.append(with_links(self._one(alert, cases, held) if is_asked else alert, self._bases))
        return told

    def _one(self, alert: Alert, cases: Cases, held: Held) -> Alert:
        key = alert.tenant, alert.target
        target = next((one for one in cases.get(key, ()) if one.version == alert.version), None)
        state = _states(held, key).get(alert.at_ms)
        if target is None or state is None:
            return alert
        try:
            why = self._store.why(target, self._moment(alert, target, state))
        except WarehouseError as error:
            log_failure(log, "alert_not_explained", error)
            counter("xpulse_alerts_unexplained_total").inc()
            return alert
        measure = INDICATORS[target.indicator]
        return with_why(alert, why, unit=measure.unit, counted=measure.counted)

    def _moment(self, alert: Alert, target: Target, state: JudgeState) -> Moment:
        unit_ms = self._grid.of(family_of(target)).unit_ms
        since_ms = _since_ms(alert, target, state, unit_ms)
        least = self._grid.epochs.per_observation
        return Moment(
            since_ms=min(since_ms, alert.at_ms),
            at_ms=alert.at_ms,
            unit_ms=unit_ms,
            least=least,
            has_budget=alert.kind == "drift",
        )


def _states(held: Held, key: TargetKey) -> Mapping[int, JudgeState]:
    """Return a target's states of this round by their instants."""
    ruling = held.rulings.get(key)
    return {entry.state.at_ms: entry.state for entry in ruling.entries} if ruling else {}


def _since_ms(alert: Alert, target: Target, state: JudgeState, unit_ms: int) -> int:
    """Return the end of the first epoch or window of what an alert is about."""
    if alert.kind == "absence":
        return state.absence.silent_ms + unit_ms if state.absence.silent_ms else alert.at_ms
    if alert.kind == "shift" and state.shift is not None:
        return state.shift.began_ms or alert.at_ms
    if alert.kind == "drift":
        return state.turned.since_ms or alert.at_ms
    return verdict_begin(state, target, alert.at_ms) + unit_ms
