"""What is still to be delivered, to whom, and when to try again. Pure: time is an argument.

Each alert goes to each notifier on its own. The states of one episode reach a notifier in order: a later one waits for
the earlier one to be settled. A receiver that fails is tried again after a growing pause, for a limited time. An offset
may be committed when everything before it is settled: the topic is the durable queue, the outbox only its memory.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from streams.events.judging import Alert

FIRST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 60_000
LONGEST_REST_MS = 3_600_000
"""Longest time for which a receiver that asks for it is left alone."""

Key = tuple[str, str, int]
"""Tenant, alert id and sequence: one state of one episode."""


def key_of(alert: Alert) -> Key:
    """Return what identifies this state of this episode."""
    return alert.tenant, alert.alert_id, alert.sequence


def pause_ms(failures: int) -> int:
    """Return how long to wait after so many failures in a row (1 and more); doubles from 1 s up to 60 s."""
    return min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS << min(failures - 1, 10))


@dataclass(slots=True)
class Errand:
    """One alert on its way to one notifier.

    Attributes:
        stamp_ms: When the alert was published; trying ends a fixed time after it.
        failures: Attempts that failed.
        due_ms: Not before this instant.
    """

    alert: Alert
    notifier: str
    stamp_ms: int
    failures: int = 0
    due_ms: int = 0


def _calls_at_last(known: Alert, alert: Alert) -> bool:
    """Say whether an alert that could call nobody now may."""
    return known.calls != "yes" and alert.calls == "yes"


@dataclass(slots=True)
class Outbox:
    """Errands of the alerts that were read and are not settled with every notifier."""

    notifiers: Collection[str]
    _errands: dict[str, dict[Key, Errand]] = field(default_factory=lambda: defaultdict(dict))
    _waiting: dict[int, dict[int, Key]] = field(default_factory=lambda: defaultdict(dict))
    _ends: dict[int, int] = field(default_factory=dict)
    _settled: set[tuple[Key, str]] = field(default_factory=set)
    _quiet: set[tuple[Key, str]] = field(default_factory=set)
    _resting: dict[str, int] = field(default_factory=dict)

    def add(self, alert: Alert, *, stamp_ms: int, settled: Collection[str] = ()) -> None:
        """Add an alert; those who have it already, and repetitions, add nothing.

        Args:
            alert: One state of an episode.
            stamp_ms: When it was published; ms UTC.
            settled: Notifiers with which it was settled before.
        """
        key = key_of(alert)
        if alert.calls == "yes":
            self._reopen(key)
        self._settled.update((key, notifier) for notifier in settled)
        for notifier in self.notifiers:
            known = self._errands[notifier].get(key)
            if (key, notifier) not in self._settled and (known is None or _calls_at_last(known.alert, alert)):
                self._errands[notifier][key] = Errand(alert, notifier, stamp_ms)

    def place(self, partition: int, offset: int, alert: Alert) -> None:
        """Take note of where an alert lies: the offset waits until the alert is settled."""
        if self._is_pending(key_of(alert)):
            self._waiting[partition][offset] = key_of(alert)

    def read_up_to(self, partition: int, end: int) -> None:
        """Take note that a partition was read up to `end` (exclusive)."""
        self._ends[partition] = max(end, self._ends.get(partition, 0))

    def next_errand(self, notifier: str, now_ms: int) -> Errand | None:
        """Return the oldest errand that is due and waits for no earlier state of its episode; None in a rest."""
        if now_ms < self._resting.get(notifier, 0):
            return None
        first: dict[tuple[str, str], int] = {}
        for tenant, alert_id, sequence in self._errands[notifier]:
            first[tenant, alert_id] = min(sequence, first.get((tenant, alert_id), sequence))
        due = (
            errand
            for (tenant, alert_id, sequence), errand in self._errands[notifier].items()
            if errand.due_ms <= now_ms and first[tenant, alert_id] == sequence
        )
        return next(due, None)

    def next_due_ms(self, notifier: str) -> int | None:
        """Return when the earliest errand of a notifier is due; None if it has none."""
        due_ms = min((errand.due_ms for errand in self._errands[notifier].values()), default=None)
        return None if due_ms is None else max(due_ms, self._resting.get(notifier, 0))

    def settle(self, errand: Errand) -> None:
        """Take an errand off: it was delivered, refused for good, or given up."""
        key = key_of(errand.alert)
        known = self._errands[errand.notifier].get(key, errand)
        if known is not errand:
            return  # meanwhile it may call somebody: that is an errand of its own
        self._settled.add((key, errand.notifier))
        if errand.alert.calls != "yes":
            self._quiet.add((key, errand.notifier))
        self._errands[errand.notifier].pop(key, None)

    def postpone(self, errand: Errand, now_ms: int, *, rest_ms: int = 0) -> None:
        """Take note of a failure; the errand comes back after a pause.

        Args:
            errand: What failed.
            now_ms: Time of the failure; ms UTC.
            rest_ms: How long the receiver asks to be left alone, with all errands to it; an hour is the most.
        """
        errand.failures += 1
        errand.due_ms = now_ms + pause_ms(errand.failures)
        until_ms = now_ms + min(max(rest_ms, 0), LONGEST_REST_MS)
        self._resting[errand.notifier] = max(until_ms, self._resting.get(errand.notifier, 0))

    def commit_offsets(self) -> dict[int, int]:
        """Return per partition the offset up to which everything is settled."""
        return {partition: self._settled_up_to(partition, end) for partition, end in self._ends.items()}

    def pending(self) -> int:
        """Return the number of errands."""
        return sum(map(len, self._errands.values()))

    def _settled_up_to(self, partition: int, end: int) -> int:
        waiting = self._waiting[partition]
        for offset in [offset for offset, key in waiting.items() if not self._is_pending(key)]:
            del waiting[offset]
        return min(waiting, default=end)

    def _reopen(self, key: Key) -> None:
        """Forget what was settled while the alert could call nobody: now it may."""
        was_quiet = {one for one in self._quiet if one[0] == key}
        self._quiet -= was_quiet
        self._settled -= was_quiet

    def _is_pending(self, key: Key) -> bool:
        return any(key in errands for errands in self._errands.values())
