"""Tells an Alertmanager what fires: each state once for sure, then all that fires every minute.

What is posted again must never be older than what was posted before: a firing state that overtakes the resolved one
would call somebody for nothing. So posts go out one after the other, and the last state of each episode is remembered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from agents.notify._labels import labels_of
from agents.notify._port import REPOST_S, Notice
from agents.notify.alertmanager.body import Labels, alert_of, alive_of, ended_of
from agents.notify.alertmanager.cluster import Posting
from streams.errors import DeliveryError

HOLDS = 15
"""A firing alert holds for so many rounds without being posted: a restart of xpulse must not look like a recovery."""
ALIVE_HOLDS = 3
"""The sign of life holds for so many rounds."""
BATCH = 200
"""Alerts in one post."""
REMEMBER_MS = 86_400_000
"""How long the last state of an episode is remembered after its last post."""

Episode = tuple[str, str]
"""Tenant and alert id."""


@dataclass(frozen=True, slots=True)
class _Posted:
    notice: Notice
    labels: Labels
    at_ms: int


class AlertmanagerNotifier:
    """Posts to an Alertmanager, or to a cluster of them.

    Args:
        poster: Knows the address.
        installation: Name of this installation, in its sign of life.
        keep_s: How often everything that fires is posted; seconds.
        clock: Tells the time; ms UTC.
    """

    def __init__(
        self,
        poster: Posting,
        *,
        installation: str,
        keep_s: float = REPOST_S,
        clock: Callable[[], int] = lambda: int(time.time() * 1000),
    ) -> None:
        self.keep_s = keep_s
        self._poster = poster
        self._installation = installation
        self._clock = clock
        self._since_ms = clock()
        self._posted: dict[Episode, _Posted] = {}
        self._lock = asyncio.Lock()

    async def send(self, notice: Notice) -> None:
        """Post one state of an alert.

        Raises:
            DeliveryError: It was not taken; says whether another attempt may help.
        """
        async with self._lock:
            await self._post([notice])

    async def keep(self, notices: Sequence[Notice]) -> None:
        """Post again what fires and what has just ended.

        Raises:
            DeliveryError: Some of it was not taken.
        """
        self._forget()
        for batch in _batches(_one_per_identity(notices)):
            async with self._lock:
                await self._post_again([self._fullest(notice) for notice in batch if not self._is_stale(notice)])

    async def beat(self) -> None:
        """Post the sign of life.

        Raises:
            DeliveryError: It was not taken.
        """
        hold_ms = int(ALIVE_HOLDS * self.keep_s * 1000)
        alive = alive_of(self._installation, since_ms=self._since_ms, now_ms=self._clock(), hold_ms=hold_ms)
        await self._poster.post(orjson.dumps([alive]))

    async def close(self) -> None:
        """Close connections."""
        await self._poster.close()

    async def _post_again(self, notices: Sequence[Notice]) -> None:
        """Post a batch; one by one if it is refused, so that one bad alert does not end the others."""
        try:
            await self._post(notices)
        except DeliveryError as error:
            if error.is_retryable or len(notices) == 1:
                raise
            failures = [failure for notice in notices if (failure := await self._failure(notice)) is not None]
            if failures:
                raise failures[0] from error

    async def _failure(self, notice: Notice) -> DeliveryError | None:
        try:
            await self._post([notice])
        except DeliveryError as error:
            return error
        return None

    async def _post(self, notices: Sequence[Notice]) -> None:
        now_ms = self._clock()
        if not notices:
            return
        await self._poster.post(orjson.dumps([body for notice in notices for body in self._bodies(notice, now_ms)]))
        for notice in notices:
            self._posted[_episode(notice)] = _Posted(notice, labels_of(notice), now_ms)

    def _bodies(self, notice: Notice, now_ms: int) -> Iterator[dict[str, Any]]:
        """Return the alert, after the end of the one that it was under other labels: another severity, say."""
        before = self._posted.get(_episode(notice))
        if before is not None and before.labels != labels_of(notice):
            yield ended_of(before.labels, now_ms=now_ms)
        yield alert_of(notice, now_ms=now_ms, hold_ms=int(HOLDS * self.keep_s * 1000))

    def _is_stale(self, notice: Notice) -> bool:
        before = self._posted.get(_episode(notice))
        return before is not None and notice.alert.sequence < before.notice.alert.sequence

    def _fullest(self, notice: Notice) -> Notice:
        """Return the alert as it was sent, if it was: a table may keep less of it."""
        before = self._posted.get(_episode(notice))
        is_same = before is not None and before.notice.alert.sequence == notice.alert.sequence
        return replace(notice, alert=before.notice.alert) if before is not None and is_same else notice

    def _forget(self) -> None:
        limit_ms = self._clock() - REMEMBER_MS
        self._posted = {episode: posted for episode, posted in self._posted.items() if posted.at_ms > limit_ms}


def _episode(notice: Notice) -> Episode:
    return notice.alert.tenant, notice.alert.alert_id


def _one_per_identity(notices: Sequence[Notice]) -> list[Notice]:
    """Return one notice for each set of labels: the newest episode, so that an old end does not end a new one."""
    newest = sorted(notices, key=lambda notice: (notice.is_firing, notice.alert.started_at_ms))
    return list({tuple(labels_of(notice).items()): notice for notice in newest}.values())


def _batches(notices: Sequence[Notice]) -> Iterator[Sequence[Notice]]:
    for first in range(0, len(notices), BATCH):
        yield notices[first : first + BATCH]
