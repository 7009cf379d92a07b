"""Details are published in bundles: whole released blocks, put through the same fold again, with more people.

A block of five has too few people who told lost minutes. So each block joins exactly one bundle, once, for ever: one
of at least 20 different people, in which lost minutes were told by nobody or by at least k different people. Bundles
are built from the blocks' epochs, ids and labels, from who is in them and who told lost minutes at all. What people
said is not an argument of anything here.

Where not even the whole tenant has k people who told lost minutes, a block that has waited for the longest wait goes
with any 20 people; then lost minutes are left out (`Bundle.withheld`). The same holds for factors, for which no
bundle waits: naming factors is rare with some senders, and everything else would wait for it.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from streams.blocks import Rule, common_labels, digest, grouped, rotated, run_of
from streams.errors import ConfigError
from streams.profile import Profile

Detail = Literal["lost", "factors"]
"""What people may tell beside a score, or not."""

NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A released block as this rule sees it.

    Attributes:
        block: Its id.
        epoch_ms: End of the epoch in which it was released; ms since the epoch.
        labels: Of the block.
        people: Pseudonyms of its members.
        givers: Detail -> those of them who told it.
    """

    block: str
    epoch_ms: int
    labels: tuple[str, ...]
    people: frozenset[str]
    givers: Mapping[Detail, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Blocks whose details are published together.

    Attributes:
        bundle: Keyed hash of the blocks, hex.
        level: Index of the level that built it; 0 is the finest.
        labels: Per dimension the blocks' common label, else mixed.
        pieces: Oldest first.
        withheld: Details that somebody told, but fewer than k people.
    """

    bundle: str
    level: int
    labels: tuple[str, ...]
    pieces: tuple[Piece, ...]
    withheld: frozenset[Detail]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRule:
    """Parameters of the bundles.

    Attributes:
        people: Different people per bundle; at least k.
        grid: k is the least number of people who tell a detail, the levels are those of bundles; nothing is held.

    Raises:
        ConfigError: Fewer people than k.
    """

    people: int
    grid: Rule

    def __post_init__(self) -> None:
        if self.people < self.grid.k:
            raise ConfigError(f"release: bundle_people is {self.people}; allowed: {self.grid.k} (k) and more")


def bundle_rule_of(profile: Profile) -> BundleRule:
    """Return the rule of a profile."""
    grid = Rule(k=profile.k, epoch_ms=profile.epoch_ms, hold_ms=0, levels=profile.bundle_levels)
    return BundleRule(people=profile.bundle_people, grid=grid)


def bundle_key(secret: bytes) -> bytes:
    """Return the key of the bundles' ids that belongs to an installation's secret; 32 bytes."""
    return hashlib.blake2b(secret, digest_size=32, person=b"xpulse bundles").digest()


def bundle_up(
    tenant: str, waiting: Iterable[Piece], *, epoch_end_ms: int, rule: BundleRule, key: bytes
) -> tuple[list[Bundle], list[Piece]]:
    """Fold one epoch of one tenant.

    Args:
        tenant: Whose blocks these are; enters the bundles' ids.
        waiting: Blocks that are released by the end of the epoch and are in no bundle yet.
        epoch_end_ms: Ms since the epoch.
        rule: People, k, levels and waits.
        key: Secret key of the ids; 16 to 64 bytes.

    Returns:
        The bundles to publish, and the blocks that go on waiting, oldest first.
    """
    rest = sorted(waiting, key=_age)
    bundles: list[Bundle] = []
    last = len(rule.grid.levels) - 1
    for number, level in enumerate(rule.grid.levels):
        old_before_ms = epoch_end_ms - level.wait_ms if level.wait_ms else None
        for keep in rotated(level.keep, epoch_end_ms // rule.grid.epoch_ms):
            groups = grouped(rest, keep)
            takes = [take for group in groups for take in _takes(group, old_before_ms, rule, is_last=number == last)]
            bundles += [_bundle(tenant, number, pieces, rule.grid.k, key) for pieces in takes]
            taken = {piece.block for take in takes for piece in take}
            rest = [piece for piece in rest if piece.block not in taken]
    return bundles, rest


def _age(piece: Piece) -> tuple[int, str]:
    return piece.epoch_ms, piece.block


def _takes(group: list[Piece], old_before_ms: int | None, rule: BundleRule, *, is_last: bool) -> Iterator[list[Piece]]:
    """Yield the pieces of one bundle after the other.

    Args:
        group: Oldest first.
        old_before_ms: Epoch before which a block waited long enough for this level; None: none has to wait.
        rule: People and k.
        is_last: Nobody waits for people who tell lost minutes after this level.
    """
    while n := _next(group, old_before_ms, rule, is_last=is_last):
        yield group[:n]
        group = group[n:]


def _next(group: Sequence[Piece], old_before_ms: int | None, rule: BundleRule, *, is_last: bool) -> int:
    """Return how many of the oldest blocks make the next bundle; 0 = none.

    All that are old enough if they are enough, as far as they are; else younger ones fill it up, as few as will do.
    """
    old = sum(old_before_ms is None or piece.epoch_ms < old_before_ms for piece in group)
    if not old:
        return 0
    enough, many = _ends(group, rule)
    ends = enough or (many if is_last and old_before_ms is not None else [])
    within = [end for end in ends if end <= old]
    return within[-1] if within else ends[0] if ends else 0


def _ends(group: Sequence[Piece], rule: BundleRule) -> tuple[list[int], list[int]]:
    """Return how many of the oldest blocks are enough, and how many have enough people at all."""
    enough, many = [], []
    people: set[str] = set()
    givers: set[str] = set()
    for number, piece in enumerate(group, start=1):
        people |= piece.people
        givers |= piece.givers.get("lost", NOBODY)
        if len(people) >= rule.people:
            many.append(number)
            if not givers or len(givers) >= rule.grid.k:
                enough.append(number)
    return enough, many


def _bundle(tenant: str, level: int, pieces: Sequence[Piece], k: int, key: bytes) -> Bundle:
    details: tuple[Detail, ...] = ("lost", "factors")
    withheld = frozenset(detail for detail in details if 0 < len(givers_of(pieces, detail)) < k)
    return Bundle(
        bundle=digest(key, [tenant, *sorted(piece.block for piece in pieces)]),
        level=level,
        labels=common_labels(pieces),
        pieces=tuple(pieces),
        withheld=withheld,
    )


def givers_of(pieces: Iterable[Piece], detail: Detail) -> frozenset[str]:
    """Return the different people in some blocks who told a detail."""
    return NOBODY.union(*(piece.givers.get(detail, NOBODY) for piece in pieces))


def bundle_run_id(tenant: str, epoch_end_ms: int, bundles: Collection[Bundle], key: bytes) -> str:
    """Return the hash of an epoch's bundles, hex; the same bundles in any order give the same.

    Args:
        tenant: Whose bundles these are.
        epoch_end_ms: Ms since the epoch.
        bundles: What `bundle_up` returned.
        key: Secret key; 16 to 64 bytes.
    """
    return run_of(tenant, epoch_end_ms, [(one.bundle, one.level, one.labels) for one in bundles], key)
