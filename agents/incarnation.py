"""Is the topic still the one whose records were folded?

A topic that is deleted and created again begins at offset 0 with other records; folding those under the old topic's id
would mix two logs. Asking *after* the fold and *before* the rows are written settles it: ids never come back, so rows
are only ever written for records that were fetched while the old topic was there.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar
from uuid import UUID

from agents.topics import Cluster
from streams.errors import InvariantError

W_contra = TypeVar("W_contra", contravariant=True)

TIMEOUT_S = 5.0


class TopicReplaced(InvariantError):
    """The topic was created anew: nothing that is in memory belongs to it."""


class Store(Protocol[W_contra]):
    """Takes what was folded, and returns once it is acknowledged."""

    def store(self, work: W_contra) -> None:
        """Store. Blocks."""


class Guarded(Generic[W_contra]):
    """A store that takes nothing of a log that is gone."""

    def __init__(self, store: Store[W_contra], guard: IncarnationGuard) -> None:
        self._store = store
        self._guard = guard

    def store(self, work: W_contra) -> None:
        """Store after the check.

        Raises:
            TopicReplaced: The work is of another log.
            DeliveryError: Not acknowledged, or it is not known whether the log is the same.
        """
        self._guard.check()
        self._store.store(work)


class IncarnationGuard:
    """Checks one topic's id; for one thread at a time.

    Args:
        brokers: `host:port[,host:port…]`.
        topic: Name of the topic.
        incarnation: The id that it had when this process started.
    """

    def __init__(self, brokers: str, topic: str, incarnation: UUID) -> None:
        self._cluster = Cluster(brokers, timeout_s=TIMEOUT_S)
        self._topic = topic
        self._incarnation = incarnation

    def check(self) -> None:
        """Return if the topic is the same.

        Raises:
            TopicReplaced: It has another id, or is gone.
            DeliveryError: The cluster does not answer: nothing may be written before it does.
        """
        state = self._cluster.states([self._topic]).get(self._topic)
        if state is None or state.incarnation != self._incarnation:
            found = "gone" if state is None else str(state.incarnation)
            raise TopicReplaced(f"topic {self._topic} was {self._incarnation} and is {found}")
