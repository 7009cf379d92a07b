"""The release of a simulated month: the agent's own fold over answers that are known here already, written in bulk.

Blocks, details, members and bundles are written as they come, their marks at the very end: until then nothing is
published, and a run that dies leaves rows that mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from agents.bundle import Bundler
from agents.bundle_tables import BundleRelease, BundleTables
from agents.cohort import Cohorts
from agents.cohort_tables import CohortTables, Invited
from agents.release import Releaser
from agents.release_books import Book
from agents.release_epochs import Release as Marked
from agents.release_tables import Release, ReleaseTables, total
from agents.warehouse.client import Warehouse
from streams.blocks import DIMENSIONS, Answer, Rule, rule_of
from streams.bundles import Piece, bundle_rule_of
from streams.cohorts import cohort_rule_of
from streams.details import Details, details_of
from streams.events import Feedback
from streams.profile import Profile
from streams.records import TABLES, Row

BATCH = 200
"""Epochs that are written together."""
_AT = {name: place for place, name in enumerate(TABLES[Feedback].columns)}


class MonthBlocks(ReleaseTables):
    """The answers of one tenant that was never released, and what becomes of them.

    Args:
        warehouse: Where blocks, details, members and marks go.
        answers: Rows of `feedback` in their newest version.
        until_ms: Up to when all records are known; ms UTC.
    """

    def __init__(self, warehouse: Warehouse, answers: Iterable[Row], until_ms: int) -> None:
        super().__init__(warehouse)
        self._answers = [row for row in answers if _is_eligible(row)]
        self._until_ms = until_ms
        self._marks: list[tuple[Release, str]] = []
        self.released: list[Release] = []

    def reached_ms(self) -> int | None:
        """Return up to when all records are known."""
        return self._until_ms

    def books(self, until_ms: int, rule: Rule) -> dict[str, Book[Answer]]:
        """Return the book of the tenant."""
        known = [(_answer(row), row) for row in self._answers if row[_AT["log_time"]] <= until_ms - rule.hold_ms]
        if not known:
            return {}
        coming = sorted(((one.log_ms, one) for one, _ in known), key=lambda pair: -pair[0])
        told = {one.answer: _details(row) for one, row in known}
        arrivals = [(one.log_ms, one.person) for _, one in coming]
        tenant, times = str(known[0][1][_AT["tenant"]]), [log_ms for log_ms, _ in arrivals]
        return {tenant: Book(coming=coming, told=told, times=times, arrivals=arrivals)}

    def marked_since(self, epoch_ms: int) -> dict[tuple[str, int], str]:
        """Return the epochs that are to be marked."""
        return _since([one for one, _ in self._marks], epoch_ms)

    def write(self, releases: Sequence[Release]) -> None:
        """Write what an epoch publishes, but its mark."""
        super().write(releases)
        self.released += [one for one in releases if one.blocks]

    def write_marks(self, releases: Iterable[Release], rule: str) -> None:
        """Keep the marks."""
        self._marks += [(one, rule) for one in releases]

    def publish(self) -> None:
        """Write the marks.

        Raises:
            WarehouseError: Not acknowledged.
        """
        for rule in dict.fromkeys(rule for _, rule in self._marks):
            super().write_marks([one for one, own in self._marks if own == rule], rule)


class MonthBundles(BundleTables):
    """The blocks of a month, and what becomes of them; as `MonthBlocks`."""

    def __init__(self, warehouse: Warehouse, blocks: MonthBlocks) -> None:
        super().__init__(warehouse)
        self._blocks = blocks
        self._marks: list[tuple[BundleRelease, str]] = []
        self.released: list[BundleRelease] = []

    def books(self, until_ms: int, rule: Rule) -> dict[str, Book[Piece]]:  # noqa: ARG002 - the agent asks so
        """Return the book of the tenant."""
        books: dict[str, Book[Piece]] = {}
        for release in self._blocks.released:
            book = books.setdefault(release.tenant, Book())
            for piece, details in _pieces(release):
                book.coming.append((piece.epoch_ms, piece))
                book.told[piece.block] = details
                book.times.append(piece.epoch_ms)
        for book in books.values():
            book.coming.sort(key=lambda pair: (-pair[0], pair[1].block))
            book.times = sorted(set(book.times))
        return books

    def marked_since(self, epoch_ms: int) -> dict[tuple[str, int], str]:
        """Return the epochs that are to be marked."""
        return _since([one for one, _ in self._marks], epoch_ms)

    def write(self, releases: Sequence[BundleRelease]) -> None:
        """Write what an epoch publishes, but its mark."""
        super().write(releases)
        self.released += [one for one in releases if one.bundles]

    def write_marks(self, releases: Iterable[BundleRelease], rule: str) -> None:
        """Keep the marks."""
        self._marks += [(one, rule) for one in releases]

    def publish(self) -> None:
        """Write the marks.

        Raises:
            WarehouseError: Not acknowledged.
        """
        for rule in dict.fromkeys(rule for _, rule in self._marks):
            super().write_marks([one for one, own in self._marks if own == rule], rule)


def release_month(
    warehouse: Warehouse, answers: Iterable[Row], until_ms: int, profile: Profile, secret: bytes
) -> tuple[MonthBlocks, MonthBundles]:
    """Fold and write all epochs; their marks are written by `publish` of both.

    Raises:
        WarehouseError: Not acknowledged.
    """
    blocks = MonthBlocks(warehouse, answers, until_ms)
    bundles = MonthBundles(warehouse, blocks)
    bundler = Bundler(bundles, bundle_rule_of(profile), secret)
    Releaser(blocks, rule_of(profile), secret, bundler).step()
    return blocks, bundles


class MonthInvitations(CohortTables):
    """The invitations of one tenant; others' are none of a month's business."""

    def __init__(self, warehouse: Warehouse, tenant: str) -> None:
        super().__init__(warehouse)
        self._tenant = tenant

    def invited(self, asked_until_ms: int, *, erased_until_ms: int) -> dict[str, Invited]:
        """Return what is known of the tenant."""
        found = super().invited(asked_until_ms, erased_until_ms=erased_until_ms)
        return {tenant: one for tenant, one in found.items() if tenant == self._tenant}


def release_rates(warehouse: Warehouse, tenant: str, until_ms: int, profile: Profile) -> None:
    """Publish the response rates of a month whose invitations are stored.

    Raises:
        WarehouseError: Not acknowledged.
    """
    rule = cohort_rule_of(profile, rule_of(profile))
    end_ms = (until_ms - 1) // rule.epoch_ms * rule.epoch_ms
    Cohorts(MonthInvitations(warehouse, tenant), rule).release_until(end_ms)


def _is_eligible(row: Row) -> bool:
    return row[_AT["state"]] == "final" and row[_AT["scale"]] == "0-10" and row[_AT["score"]] is not None


def _answer(row: Row) -> Answer:
    return Answer(
        answer=row[_AT["response_id"]],
        log_ms=row[_AT["log_time"]],
        person=row[_AT["person"]],
        labels=tuple(row[_AT[name]] for name in DIMENSIONS),
    )


def _details(row: Row) -> Details:
    return details_of(row[_AT["score"]], row[_AT["lost_minutes"]], row[_AT["factors"]])


def _pieces(release: Release) -> Iterable[tuple[Piece, Details]]:
    for block, told in zip(release.blocks, release.told, strict=True):
        pairs = list(zip(block.members, told, strict=True))
        givers: Mapping[str, frozenset[str]] = {
            "lost": frozenset(member.person for member, one in pairs if one.lost_n),
            "factors": frozenset(member.person for member, one in pairs if one.factors),
        }
        piece = Piece(
            block=block.block,
            epoch_ms=release.epoch_ms,
            labels=block.labels,
            people=frozenset(member.person for member, _ in pairs),
            givers={"lost": givers["lost"], "factors": givers["factors"]},
        )
        yield piece, total(told)


def _since(marked: Iterable[Marked], epoch_ms: int) -> dict[tuple[str, int], str]:
    return {(one.tenant, one.epoch_ms): one.run for one in marked if one.epoch_ms > epoch_ms}
