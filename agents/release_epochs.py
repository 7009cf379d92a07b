"""Epoch after epoch, for blocks and for bundles alike: which epochs are due, and how they are committed.

What an epoch publishes is written first, its mark last, and the next epoch waits for the mark. Everything is read from
the tables again after an error or a restart; what was written without a mark is written again and means nothing until
then. Published epochs are never built again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from agents.release_books import Book
from streams.blocks import Rule, active_epochs, crowded_epochs
from streams.errors import XPulseError
from streams.release_rules import Rules

EPOCHS_PER_WRITE = 100
"""Epochs whose content is written together when many are due."""


class Superseded(XPulseError):
    """Somebody else released an epoch that was about to be released here: what is known here is out of date."""


class Release(Protocol):
    """One epoch of one tenant, ready to be written."""

    @property
    def tenant(self) -> str:
        """Whose it is."""

    @property
    def epoch_ms(self) -> int:
        """End of the epoch; ms since the epoch."""

    @property
    def run(self) -> str:
        """Hash of what it publishes."""

    @property
    def is_quiet(self) -> bool:
        """Whether it publishes nothing."""


T = TypeVar("T")
R = TypeVar("R", bound=Release)
C_contra = TypeVar("C_contra", bound=Release, contravariant=True)


class Ledger(Protocol[T, C_contra]):
    """Where items wait and epochs are committed; every write may be repeated."""

    def books(self, until_ms: int, rule: Rule) -> dict[str, Book[T]]:
        """Return all tenants with items that are due at `until_ms`; `rule` waits as long as any tenant's."""

    def write(self, releases: Sequence[C_contra]) -> None:
        """Write everything but the marks: not published yet."""

    def write_marks(self, releases: Iterable[C_contra], rule: str) -> None:
        """Publish: one insert, so all marks or none."""

    def marked_since(self, epoch_ms: int) -> dict[tuple[str, int], str]:
        """Return (tenant, end of epoch) -> run of all epochs that end after `epoch_ms` and are marked."""


class Epochs(Generic[T, R]):
    """Folds and commits the epochs that are due; for one thread at a time.

    Args:
        ledger: Where items wait and epochs are committed.
        rules: Epochs, hold and waits, by tenant. Their epochs are multiples of the usual one, their hold is the same.
        text_of: Tenant -> what is written with each of its marks.
        fold: Tenant, its items that are due, what they tell, end of the epoch -> what it publishes; takes from the book
            what found a place.
        marked: Called with the number of marks that were just written.
    """

    def __init__(
        self,
        ledger: Ledger[T, R],
        rules: Rules[Rule],
        text_of: Callable[[str], str],
        fold: Callable[[str, Book[T], int], R],
        marked: Callable[[int], None],
    ) -> None:
        self._ledger = ledger
        self._rules = rules
        self._text_of = text_of
        self._fold = fold
        self._marked = marked
        self._folded_ms = 0

    def release_until(self, until_ms: int) -> int:
        """Release all epochs that are due up to the end of one of them; return how many were marked.

        Raises:
            WarehouseError: No answer or no acknowledgement; call again later.
            Superseded: Another agent was faster; call again.
        """
        books = self._ledger.books(until_ms, _widest(self._rules))
        epochs = self._fold_all(books, until_ms)
        marks = 0
        for begin in range(0, len(epochs), EPOCHS_PER_WRITE):
            marks += self._publish(books, epochs[begin : begin + EPOCHS_PER_WRITE])
        self._folded_ms = until_ms
        return marks

    def _fold_all(self, books: dict[str, Book[T]], until_ms: int) -> list[list[R]]:
        """Return the releases of each epoch that has any, in order."""
        schedule = sorted(self._schedule(books, until_ms).items())
        folded = [self._fold_epoch(books, end_ms, tenants) for end_ms, tenants in schedule]
        return [releases for releases in folded if releases]

    def _schedule(self, books: dict[str, Book[T]], until_ms: int) -> dict[int, dict[str, bool]]:
        """Return end of epoch -> tenant -> whether it is marked even if it publishes nothing.

        The last epoch is folded for everybody: what reached the log long after its timestamp would otherwise wait for
        the next one.
        """
        schedule: dict[int, dict[str, bool]] = defaultdict(dict)
        for tenant, book in books.items():
            rule = self._rules.of(tenant)
            # Not all that was folded is marked, and what comes late joins an epoch that was not folded yet.
            done_ms = max(book.last_ms, self._folded_ms)
            last_ms = until_ms // rule.epoch_ms * rule.epoch_ms
            if book.coming and done_ms < last_ms:
                schedule[last_ms][tenant] = False
            ends = active_epochs(book.times, after_ms=done_ms, until_ms=until_ms, rule=rule)
            crowded = crowded_epochs(ends, book.arrivals, rule=rule) if book.arrivals else set(ends)
            for end_ms in ends:
                schedule[end_ms][tenant] = end_ms in crowded
            for end_ms in (-(-one.log_ms // rule.epoch_ms) * rule.epoch_ms for one in book.erasures):
                if book.last_ms < end_ms <= until_ms:  # its mark says that it is in force
                    schedule[end_ms][tenant] = True
        return schedule

    def _fold_epoch(self, books: dict[str, Book[T]], end_ms: int, tenants: dict[str, bool]) -> list[R]:
        found = [(self._fold(tenant, books[tenant], end_ms), tenants[tenant]) for tenant in sorted(tenants)]
        return [folded for folded, is_active in found if is_active or not folded.is_quiet]

    def _publish(self, books: dict[str, Book[T]], epochs: Sequence[Sequence[R]]) -> int:
        """Write the content of some epochs at once, for it means nothing yet; then mark epoch by epoch."""
        everything = [found for epoch in epochs for found in epoch]
        self._ledger.write(everything)
        self._check_marks(books, everything, {})
        for releases in _in_one_insert(epochs):
            for text, some in _by_text(releases, self._text_of).items():
                self._ledger.write_marks(some, text)
            self._check_marks(books, releases, {(r.tenant, r.epoch_ms): r.run for r in releases})
            for r in releases:
                books[r.tenant].last_ms = r.epoch_ms
            self._marked(len(releases))
        return len(everything)

    def _check_marks(
        self, books: dict[str, Book[T]], releases: Sequence[R], ours: Mapping[tuple[str, int], str]
    ) -> None:
        """Look whether the tenants' marks since the last one known are ours, and no others."""
        last = {r.tenant: books[r.tenant].last_ms for r in releases}
        marked = self._ledger.marked_since(min(last.values()))
        since = {place: run for place, run in marked.items() if place[1] > last.get(place[0], place[1])}
        if since != ours:
            raise Superseded("another release agent marked the same tenants")


def _widest(rules: Rules[Rule]) -> Rule:
    """Return a rule that waits as long as any of them, and a little longer."""
    longest = max(rules.all, key=lambda rule: rule.longest_wait_ms)
    return replace(longest, epoch_ms=max(rule.epoch_ms for rule in rules.all))


def _by_text(releases: Iterable[R], text_of: Callable[[str], str]) -> dict[str, list[R]]:
    found: dict[str, list[R]] = defaultdict(list)
    for one in releases:
        found[text_of(one.tenant)].append(one)
    return found


def _in_one_insert(epochs: Iterable[Sequence[R]]) -> Iterator[Sequence[R]]:
    """Yield the releases of one epoch after the other; epochs in a row that publish nothing go together."""
    quiet: list[R] = []
    for releases in epochs:
        if all(r.is_quiet for r in releases):
            quiet += releases
            continue
        if quiet:
            yield quiet
            quiet = []
        yield releases
    if quiet:
        yield quiet
