"""The release rule: every answer joins exactly one block of at least k different people, once, for ever.

Blocks are built from arrival times, pseudonyms and dimensions. What people answered is not an argument of anything
here, so neither membership nor labels nor the moment of release can depend on it.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from streams.errors import ConfigError
from streams.profile import Level, Profile

DIMENSIONS = ("country", "site", "business_unit", "service", "channel", "assignment_group", "touchpoint")
"""Order of the labels; the dimensions of the records lane."""

MIXED = "*"
"""Label of a dimension in which the members differ; empty = all unknown."""

MIN_K = 3
ID_BYTES = 16


class Labelled(Protocol):
    """What has a value for each of `DIMENSIONS`."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Values in the order of `DIMENSIONS`."""


L = TypeVar("L", bound=Labelled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer as the rule sees it.

    Attributes:
        answer: Id within the tenant.
        log_ms: Record timestamp of its current revision; ms since the epoch.
        person: Pseudonym.
        labels: Values of `DIMENSIONS`, in that order; empty = unknown.
    """

    answer: str
    log_ms: int
    person: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Answers that are published together, each of another person.

    Attributes:
        block: Keyed hash of the members, hex.
        level: Index of the level that built it; 0 is the finest.
        labels: Per dimension the members' common value, else `MIXED`.
        members: Oldest first.
    """

    block: str
    level: int
    labels: tuple[str, ...]
    members: tuple[Answer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Parameters of the release.

    Attributes:
        k: Different people per block; at least `MIN_K`.
        epoch_ms: Length of an epoch; epochs end at its multiples.
        hold_ms: Age at which an answer becomes eligible.
        levels: Finest first.

    Raises:
        ConfigError: k is too small, an epoch has no length, or a level keeps an unknown dimension.
    """

    k: int
    epoch_ms: int
    hold_ms: int
    levels: tuple[Level, ...]

    def __post_init__(self) -> None:
        if self.k < MIN_K:
            raise ConfigError(f"release: k is {self.k}; allowed: {MIN_K} and more")
        if self.epoch_ms <= 0:
            raise ConfigError(f"release: epoch_ms is {self.epoch_ms}; allowed: 1 and more")
        unknown = {name for level in self.levels for keep in level.keep for name in keep} - set(DIMENSIONS)
        if unknown:
            raise ConfigError(f"release: levels keep {min(unknown)!r}; allowed: {', '.join(DIMENSIONS)}")

    @property
    def longest_wait_ms(self) -> int:
        """Age after which no level waits any longer."""
        return max((self.hold_ms, *(level.wait_ms for level in self.levels)))


def rule_of(profile: Profile) -> Rule:
    """Return the release rule of a profile."""
    return Rule(k=profile.k, epoch_ms=profile.epoch_ms, hold_ms=profile.hold_ms, levels=profile.levels)


def block_key(secret: bytes) -> bytes:
    """Return the key of the block ids that belongs to an installation's secret; 32 bytes.

    Derived, so that a secret of any length will do and its other uses have nothing in common with this one.
    """
    return hashlib.blake2b(secret, digest_size=32, person=b"xpulse blocks").digest()


def release(
    tenant: str, waiting: Iterable[Answer], *, epoch_end_ms: int, rule: Rule, key: bytes
) -> tuple[list[Block], list[Answer]]:
    """Fold one epoch of one tenant.

    Args:
        tenant: Whose answers these are; enters the blocks' ids.
        waiting: Answers that were final and held long enough at the end of the epoch and are in no block yet.
        epoch_end_ms: Ms since the epoch.
        rule: Levels, waits and k.
        key: Secret key of the ids; 16 to 64 bytes.

    Returns:
        The blocks to publish, and the answers that go on waiting, oldest first.
    """
    rest = sorted(waiting, key=_age)
    blocks: list[Block] = []
    for number, level in enumerate(rule.levels):
        old_before_ms = epoch_end_ms - level.wait_ms if level.wait_ms else None
        for keep in rotated(level.keep, epoch_end_ms // rule.epoch_ms):
            takes = [take for group in grouped(rest, keep) for take in _takes(group, old_before_ms, rule.k)]
            blocks += [_block(tenant, number, members, key) for members in takes]
            rest = _without(rest, takes)
    return blocks, rest


def rotated(keep: Sequence[tuple[str, ...]], epoch: int) -> list[tuple[str, ...]]:
    """Return the dimension sets of a level, beginning with another one each epoch so that none is always first.

    Example:
        >>> rotated([("a",), ("b",)], 3)
        [('b',), ('a',)]
    """
    first = epoch % len(keep) if keep else 0
    return [*keep[first:], *keep[:first]]


def _age(answer: Answer) -> tuple[int, str]:
    return answer.log_ms, answer.answer


def grouped(items: Iterable[L], keep: tuple[str, ...]) -> Iterator[list[L]]:
    """Return the items with the same values of some dimensions, in the order of the values; within, as they came."""
    places = [DIMENSIONS.index(name) for name in keep]
    groups: dict[tuple[str, ...], list[L]] = {}
    for item in items:
        groups.setdefault(tuple(item.labels[place] for place in places), []).append(item)
    return (groups[node] for node in sorted(groups))


def common_labels(items: Iterable[Labelled]) -> tuple[str, ...]:
    """Return per dimension the value that all items have, else `MIXED`."""
    values = zip(*(item.labels for item in items), strict=True)
    return tuple(common.pop() if len(common := set(value)) == 1 else MIXED for value in values)


def _takes(group: list[Answer], old_before_ms: int | None, k: int) -> Iterator[list[Answer]]:
    """Yield the members of one block after the other.

    Args:
        group: Oldest first.
        old_before_ms: Log time before which an answer waited long enough for this level; None: none has to wait.
        k: Different people per block.
    """
    while len(take := _earliest_per_person(group)) >= k:
        if old_before_ms is not None:
            old = [answer for answer in take if answer.log_ms < old_before_ms]
            if not old:
                return
            take = old if len(old) >= k else take[:k]
        yield take
        group = _without(group, [take])


def _earliest_per_person(group: Iterable[Answer]) -> list[Answer]:
    first: dict[str, Answer] = {}
    for answer in group:
        first.setdefault(answer.person, answer)
    return list(first.values())


def _without(answers: Sequence[Answer], takes: Iterable[Iterable[Answer]]) -> list[Answer]:
    taken = {answer.answer for take in takes for answer in take}
    return [answer for answer in answers if answer.answer not in taken]


def _block(tenant: str, level: int, members: Sequence[Answer], key: bytes) -> Block:
    block_id = _block_id(tenant, members, key)
    return Block(block=block_id, level=level, labels=common_labels(members), members=tuple(members))


def _block_id(tenant: str, members: Iterable[Answer], key: bytes) -> str:
    """The log time stands for the revision: the same answers, corrected meanwhile, are another block."""
    ids = sorted(f"{member.log_ms}:{member.answer}" for member in members)
    return digest(key, [tenant, *ids])


def run_id(tenant: str, epoch_end_ms: int, blocks: Collection[Block], key: bytes) -> str:
    """Return the hash of an epoch's blocks, hex; the same blocks in any order give the same.

    Args:
        tenant: Whose blocks these are.
        epoch_end_ms: Ms since the epoch.
        blocks: What `release` returned.
        key: Secret key; 16 to 64 bytes.
    """
    return run_of(tenant, epoch_end_ms, [(block.block, block.level, block.labels) for block in blocks], key)


def run_of(tenant: str, epoch_end_ms: int, published: Iterable[tuple[str, int, tuple[str, ...]]], key: bytes) -> str:
    """Return the hash of what an epoch publishes, each with its id, level and labels; in any order."""
    parts = [tenant, str(epoch_end_ms)]
    for name, level, labels in sorted(published):
        parts += [name, str(level), *labels]
    return digest(key, parts)


def digest(key: bytes, parts: Iterable[str]) -> str:
    """Return the keyed hash of some texts in their order, hex; the key has 16 to 64 bytes."""
    state = hashlib.blake2b(key=key, digest_size=ID_BYTES)
    for part in parts:
        data = part.encode()
        state.update(len(data).to_bytes(4, "big") + data)
    return state.hexdigest()


def crowded_epochs(ends: Iterable[int], arrivals: Iterable[tuple[int, str]], *, rule: Rule) -> set[int]:
    """Return the active epochs in which answers of at least k different people are active.

    An epoch that publishes nothing and is marked all the same tells whoever sees its mark, or a verdict of then,
    that somebody has answered. So it must be k people who have.

    Args:
        ends: Of active epochs, ascending.
        arrivals: Log time and person of all eligible answers of one tenant, released or not.
        rule: k, epoch, hold and waits.
    """
    known = sorted(arrivals)
    found: set[int] = set()
    active: dict[str, int] = {}
    coming = going = 0
    for end in ends:
        while coming < len(known) and known[coming][0] + rule.hold_ms <= end:
            active[known[coming][1]] = active.get(known[coming][1], 0) + 1
            coming += 1
        while going < coming and known[going][0] + rule.longest_wait_ms + rule.epoch_ms < end:
            person = known[going][1]
            active[person] -= 1
            if not active[person]:
                del active[person]
            going += 1
        if len(active) >= rule.k:
            found.add(end)
    return found


def active_epochs(log_times: Iterable[int], *, after_ms: int, until_ms: int, rule: Rule) -> list[int]:
    """Return the epochs in which time alone can release something, or did.

    An answer is active from its hold until the first epoch in which every level has stopped waiting for it. In all
    other epochs nothing new is eligible and nothing grows old, so there is nothing to fold and nothing to mark.

    Args:
        log_times: Of all eligible answers of one tenant, released or not; ms since the epoch.
        after_ms: Epochs that end here or before are done.
        until_ms: Epochs that end later are not complete.
        rule: Epoch, hold and waits.

    Returns:
        Their ends, ascending.
    """
    ends: list[int] = []
    done = after_ms
    for log_ms in sorted(log_times):
        first = -(-(log_ms + rule.hold_ms) // rule.epoch_ms) * rule.epoch_ms
        last = ((log_ms + rule.longest_wait_ms) // rule.epoch_ms + 1) * rule.epoch_ms
        begin = max(first, (done // rule.epoch_ms + 1) * rule.epoch_ms)
        ends += range(begin, min(last, until_ms) + 1, rule.epoch_ms)
        done = max(done, min(last, until_ms))
    return ends
