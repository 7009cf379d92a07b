"""Bundles of blocks: the second half of the release, run by its agent once the blocks of an epoch are marked."""

from __future__ import annotations

from dataclasses import asdict

import orjson

from agents.bundle_tables import BundleRelease, BundleTables
from agents.release_books import Book
from agents.release_epochs import Epochs
from streams.bundles import Bundle, BundleRule, Piece, bundle_key, bundle_run_id, bundle_up
from streams.details import Details
from streams.release_rules import Rules


class Bundler:
    """Folds the epochs that are due; for one thread at a time.

    Args:
        tables: Where blocks, bundles and marks are.
        rule: The rule of bundles; one for all tenants, or by tenant.
        secret: The installation's secret; the ids of bundles are keyed with it.
    """

    def __init__(self, tables: BundleTables, rule: BundleRule | Rules[BundleRule], secret: bytes) -> None:
        self._rules = rule if isinstance(rule, Rules) else Rules(usual=rule)
        self._key = bundle_key(secret)
        grids = Rules(usual=self._rules.usual.grid, own={name: one.grid for name, one in self._rules.own.items()})
        self._epochs = Epochs(tables, grids, self._text_of, self._fold_tenant, lambda _: None)

    def _text_of(self, tenant: str) -> str:
        return orjson.dumps(asdict(self._rules.of(tenant)), option=orjson.OPT_SORT_KEYS).decode()

    def release_until(self, until_ms: int) -> int:
        """Publish the bundles of all epochs that are due; return how many epochs were marked.

        Args:
            until_ms: End of an epoch up to which all blocks are marked; ms since the epoch.

        Raises:
            WarehouseError: No answer or no acknowledgement; call again later.
            Superseded: Another agent was faster; call again.
        """
        return self._epochs.release_until(until_ms)

    def _fold_tenant(self, tenant: str, book: Book[Piece], end_ms: int) -> BundleRelease:
        rule, due = self._rules.of(tenant), book.due(end_ms)
        bundles, book.waiting = bundle_up(tenant, due, epoch_end_ms=end_ms, rule=rule, key=self._key)
        return BundleRelease(
            tenant=tenant,
            epoch_ms=end_ms,
            run=bundle_run_id(tenant, end_ms, bundles, self._key),
            bundles=bundles,
            told=[_told(bundle, book.told) for bundle in bundles],
        )


def _told(bundle: Bundle, told: dict[str, Details]) -> Details:
    """Return the sum over a bundle's blocks, without what is withheld."""
    whole = sum((told[piece.block] for piece in bundle.pieces), start=Details())
    return whole.without(lost="lost" in bundle.withheld, factors="factors" in bundle.withheld)
