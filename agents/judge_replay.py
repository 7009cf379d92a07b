"""Who need not be called: everything goes into the ledger, not everything to people.

A judge that catches up finds episodes of yesterday. They are recorded as they are, marked as replayed, and call nobody.
Two things still do: the end of an episode that somebody was called for, and an episode that is still going on once the
judge has reached the present. A drift that turns out to be one of mix calls nobody either, nor does its end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from agents.judge_store import TargetKey
from streams.events.judging import Alert
from streams.judging.verdicts import JudgeState

REPLAY_AFTER_MS = 3_600_000
"""Age at judging time from which an instant is old; as long as `agents.deliver` looks back for lost alerts."""

EpisodeKey = tuple[str, str]
"""Tenant and alert id."""


def key_of(alert: Alert) -> EpisodeKey:
    """Return what identifies the episode."""
    return alert.tenant, alert.alert_id


def doubtful(alerts: Iterable[Alert], now_ms: int) -> set[EpisodeKey]:
    """Return the episodes of which it has to be known whether anybody was told: old ones, and those that go on."""
    return {
        key_of(alert)
        for alert in alerts
        if alert.calls == "yes" and (alert.sequence or is_old(alert.started_at_ms, now_ms))
    }


def marked(alerts: Iterable[Alert], told: Collection[EpisodeKey], now_ms: int) -> list[Alert]:
    """Return the alerts with those marked that may call nobody.

    Args:
        alerts: Of one round, each episode's in order.
        told: Doubtful episodes of which a state that calls is stored.
        now_ms: Judging time; ms UTC.
    """
    known, found = set(told), []
    for alert in alerts:
        is_new = alert.state == "firing" and not is_old(alert.at_ms, now_ms)
        if alert.calls != "yes" or is_new or key_of(alert) in known:
            known |= {key_of(alert)} if alert.calls == "yes" else set()
            found.append(alert)
        else:
            is_replayed = is_old(alert.started_at_ms, now_ms)
            found.append(msgspec.structs.replace(alert, calls="replayed" if is_replayed else "mix"))
    return found


def without_mix(alerts: Iterable[Alert]) -> list[Alert]:
    """Return the alerts with those marked that tell of nothing but mix; the end in the same round, too."""
    found: list[Alert] = []
    quiet: set[EpisodeKey] = set()
    for alert in alerts:
        is_mix = alert.calls == "yes" and alert.state == "firing" and _is_only_mix(alert)
        is_end = alert.state == "resolved" and key_of(alert) in quiet
        quiet = (quiet | {key_of(alert)}) if is_mix else quiet
        found.append(msgspec.structs.replace(alert, calls="mix") if is_mix or is_end else alert)
    return found


def _is_only_mix(alert: Alert) -> bool:
    """Say whether nothing but the mixture is behind an alert: of a watermelon only if people were content before."""
    if alert.kind == "watermelon":
        return alert.is_mix and alert.usual is not None and alert.usual >= alert.objective
    return alert.kind == "drift" and alert.is_mix


def still_open(states: Mapping[TargetKey, JudgeState | None], now_ms: int) -> set[EpisodeKey]:
    """Return the old episodes that go on at present, and would call if they were new."""
    return {
        (tenant, episode.alert_id)
        for (tenant, _), state in states.items()
        if state is not None and not is_old(state.at_ms, now_ms)
        for episode in state.episodes
        if episode.is_open and not episode.inhibited_by and is_old(episode.opened_ms, now_ms)
    }


def is_old(at_ms: int, now_ms: int) -> bool:
    """Say whether an instant is too old to call anybody for."""
    return now_ms - at_ms > REPLAY_AFTER_MS
