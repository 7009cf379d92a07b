"""Bundles in ClickHouse: which blocks wait for one, what was marked, and writing bundles, members and marks.

A mark is the commit, as with blocks. What blocks tell is read as it was written when they were released.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from agents.release_books import Book, last_marks, marked_since, runs_of
from agents.warehouse.client import Warehouse
from streams.blocks import DIMENSIONS, Rule
from streams.bundles import Bundle, Piece
from streams.details import Details, details_read
from streams.erasures import subject_of

MARKED_BLOCKS = runs_of("release_marks")
MARKED_BUNDLES = runs_of("release_bundle_marks")
WAITING = f"""
SELECT d.tenant, d.block, toUnixTimestamp64Milli(d.epoch) AS epoch_ms, d.people, d.lost_people, d.factor_people,
       d.scores, d.lost_bands, d.lost_sums, d.factors, {", ".join(f"b.{name}" for name in DIMENSIONS)}
FROM (SELECT * FROM release_details FINAL) AS d
INNER JOIN (SELECT * FROM release_blocks FINAL) AS b
    ON b.tenant = d.tenant AND b.epoch = d.epoch AND b.run = d.run AND b.block = d.block
WHERE d.epoch <= fromUnixTimestamp64Milli({{until:Int64}})
  AND (d.tenant, d.epoch, d.run) IN ({MARKED_BLOCKS})
  AND (d.tenant, d.block) NOT IN (SELECT tenant, block FROM release_withdrawn)
  AND (d.tenant, d.block) NOT IN (
      SELECT tenant, block FROM release_bundled WHERE (tenant, epoch, run) IN ({MARKED_BUNDLES})
  )
ORDER BY epoch_ms DESC, d.block
"""  # noqa: S608 - constants of this file
ACTIVE = f"""
SELECT d.tenant, groupUniqArray(toUnixTimestamp64Milli(d.epoch))
FROM release_details AS d
LEFT JOIN (SELECT tenant, max(epoch) AS last FROM release_bundle_marks GROUP BY tenant) AS m ON m.tenant = d.tenant
WHERE d.epoch <= fromUnixTimestamp64Milli({{until:Int64}})
  AND (d.tenant, d.epoch, d.run) IN ({MARKED_BLOCKS})
  AND toUnixTimestamp64Milli(d.epoch) > toUnixTimestamp64Milli(m.last) - {{span:Int64}}
GROUP BY d.tenant
"""  # noqa: S608 - constants of this file
"""Epochs of blocks from which something may still be due; for a tenant without marks, all."""
ERASED = "SELECT DISTINCT tenant, subject FROM erasures"
LAST_MARKS = last_marks("release_bundle_marks")
MARKED_SINCE = marked_since("release_bundle_marks")

BUNDLE_COLUMNS = (
    "tenant", "epoch", "run", "bundle", "level", *DIMENSIONS, "n", "lost_n",
    "scores", "lost_bands", "lost_sums", "factors",
)  # fmt: skip
BUNDLED_COLUMNS = ("tenant", "block", "epoch", "run", "bundle")
MARK_COLUMNS = ("tenant", "epoch", "run", "bundles", "blocks", "rule")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRelease:
    """One epoch of one tenant, ready to be written.

    Attributes:
        epoch_ms: End of the epoch; ms since the epoch.
        told: What each bundle tells, in the same order; without what is withheld.
    """

    tenant: str
    epoch_ms: int
    run: str
    bundles: Sequence[Bundle]
    told: Sequence[Details]

    @property
    def is_quiet(self) -> bool:
        """Whether it publishes nothing."""
        return not self.bundles

    @property
    def blocks(self) -> int:
        """How many blocks it puts into bundles."""
        return sum(len(bundle.pieces) for bundle in self.bundles)


class BundleTables:
    """Reads what bundles are made of and writes them; every write may be repeated. Raises `WarehouseError`."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def books(self, until_ms: int, rule: Rule) -> dict[str, Book[Piece]]:
        """Return all tenants with blocks that were released by `until_ms`."""
        books: dict[str, Book[Piece]] = defaultdict(Book)
        for tenant, last_ms in self._warehouse.ask(LAST_MARKS):
            books[tenant].last_ms = last_ms
        erased: dict[str, set[str]] = defaultdict(set)
        for tenant, subject in self._warehouse.ask(ERASED):
            erased[tenant].add(subject)
        for tenant, *row in self._warehouse.ask(WAITING, {"until": until_ms}):
            piece, details = _piece(tenant, row, erased[tenant])
            books[tenant].coming.append((piece.epoch_ms, piece))
            books[tenant].told[piece.block] = details
        span = rule.longest_wait_ms + 2 * rule.epoch_ms
        for tenant, times in self._warehouse.ask(ACTIVE, {"until": until_ms, "span": span}):
            books[tenant].times = list(times)
        return dict(books)

    def marked_since(self, epoch_ms: int) -> dict[tuple[str, int], str]:
        """Return (tenant, end of epoch) -> run of all epochs that end after `epoch_ms` and are marked."""
        return {(tenant, end): run for tenant, end, run in self._warehouse.ask(MARKED_SINCE, {"since": epoch_ms})}

    def write(self, releases: Sequence[BundleRelease]) -> None:
        """Write bundles and members: not published yet."""
        bundles = [
            (r.tenant, r.epoch_ms, r.run, b.bundle, b.level, *b.labels, told.n, told.lost_n, *told.columns)
            for r in releases
            for b, told in zip(r.bundles, r.told, strict=True)
        ]
        self._warehouse.insert_rows("release_bundles", BUNDLE_COLUMNS, bundles)
        bundled = [
            (r.tenant, piece.block, r.epoch_ms, r.run, bundle.bundle)
            for r in releases
            for bundle in r.bundles
            for piece in bundle.pieces
        ]
        self._warehouse.insert_rows("release_bundled", BUNDLED_COLUMNS, bundled)

    def write_marks(self, releases: Iterable[BundleRelease], rule: str) -> None:
        """Publish: one insert, so all marks or none."""
        rows = [(r.tenant, r.epoch_ms, r.run, len(r.bundles), r.blocks, rule) for r in releases]
        self._warehouse.insert_rows("release_bundle_marks", MARK_COLUMNS, rows)


def _known(people: Iterable[str], tenant: str, erased: Collection[str]) -> frozenset[str]:
    """Return people, those who were erased by their hash, so that one who comes back is not counted as two."""
    if not erased:
        return frozenset(people)
    return frozenset(hash_ if (hash_ := subject_of(tenant, one)) in erased else one for one in people)


def _piece(tenant: str, row: Sequence[Any], erased: Collection[str]) -> tuple[Piece, Details]:
    block, epoch_ms, people, lost, factor, scores, bands, sums, factors, *labels = row
    piece = Piece(
        block=block,
        epoch_ms=epoch_ms,
        labels=tuple(labels),
        people=_known(people, tenant, erased),
        givers={"lost": _known(lost, tenant, erased), "factors": _known(factor, tenant, erased)},
    )
    return piece, details_read(scores, bands, sums, factors)
