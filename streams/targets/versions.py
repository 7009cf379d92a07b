"""Versions of a target: appended, never changed. What was judged keeps the version that was valid."""

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from streams.events.judging import Target
from streams.targets.expansion import Stamp

_BOOKKEEPING = ("version", "valid_from_ms", "recorded_at_ms", "author", "reason")


def next_version(previous: Target | None, draft: Target) -> Target | None:
    """Return the version to append, or None if the draft promises what the previous version does.

    Args:
        previous: The newest version; None = there is none.
        draft: What should hold from the draft's `valid_from_ms` on; its version number is ignored.

    Returns:
        The draft with the next number, valid and recorded later than the previous version.
    """
    if previous is None:
        return msgspec.structs.replace(draft, version=1)
    if not changes(previous, draft):
        return None
    return msgspec.structs.replace(
        draft,
        version=previous.version + 1,
        valid_from_ms=max(draft.valid_from_ms, previous.valid_from_ms + 1),
        recorded_at_ms=max(draft.recorded_at_ms, previous.recorded_at_ms + 1),
    )


def retirement(previous: Target, stamp: Stamp) -> Target | None:
    """Return the version that ends a target, or None if it has ended already."""
    draft = msgspec.structs.replace(
        previous,
        state="retired",
        valid_from_ms=stamp.valid_from_ms,
        recorded_at_ms=stamp.recorded_at_ms,
        author=stamp.author,
        reason=stamp.reason,
    )
    return next_version(previous, draft)


def version_at(versions: Sequence[Target], at_ms: int) -> Target | None:
    """Return the version that judges an epoch or window ending at `at_ms`: the newest that was valid before its end."""
    valid = [version for version in versions if version.valid_from_ms < at_ms]
    return max(valid, key=lambda version: version.version, default=None)


def changes(previous: Target, draft: Target) -> dict[str, tuple[object, object]]:
    """Return what another version promises differently: key -> old and new value. Who wrote it when does not count."""
    return {
        name: (old, new)
        for name, old in msgspec.structs.asdict(previous).items()
        if name not in _BOOKKEEPING and old != (new := getattr(draft, name))
    }


def promise_of(target: Target) -> str:
    """Return a short name of what a version promises: versions with the same one are judged on without a break.

    It has two halves, joined by a dash: what is measured, and what is promised of it. Who answers for it, whom it calls
    and when, how it is displayed and when it is reviewed is no part of it. Nor are run lengths, which change for all
    slices of a file when one appears: with the evidence kept, a false alarm comes after the smaller of both lengths, at
    the earliest, in the mean. Nor is the least number of people: an interval that is always valid holds at any.
    """
    series = [target.indicator, target.metric, sorted(target.slice.items())]
    terms = [target.objective, target.period]
    return f"{_short(series)}-{_short(terms)}"


def is_same_series(promise: str, other: str) -> bool:
    """Return whether two promises are about the same measurements; an empty one is about nothing known."""
    return not promise or promise.partition("-")[0] == other.partition("-")[0]


def _short(value: object) -> str:
    return sha256(msgspec.json.encode(value)).hexdigest()[:12]
