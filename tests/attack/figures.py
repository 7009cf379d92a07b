"""Published figures as an attacker has them: of each its sums, and which answers are in it (the worst case).

A figure that is shown again and again is here as its differences from one frame to the next: together with the first
frame they say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

CATEGORIES = 3


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over answers with signs.

    Attributes:
        figure: Number of the figure; one entry per member, ascending.
        member: Number of the answer.
        sign: +1, or -1 for what left a window.
        sums: Per figure: detractors, neutrals, promoters.
    """

    figure: Ints
    member: Ints
    sign: Ints
    sums: Ints

    def __len__(self) -> int:
        return len(self.sums)

    def starts(self) -> Ints:
        """Return where each figure's members begin."""
        return np.searchsorted(self.figure, np.arange(len(self)))


def of_sets(sets: Iterable[tuple[Sequence[int], Sequence[int]]], category: Ints) -> Figures:
    """Return the figures of (answers that come in, answers that go out)."""
    members, signs, lengths = [], [], []
    for comes, goes in sets:
        members += [*comes, *goes]
        signs += [1] * len(comes) + [-1] * len(goes)
        lengths.append(len(comes) + len(goes))
    return _with_sums(np.repeat(np.arange(len(lengths)), lengths), np.array(members), np.array(signs), category)


def _with_sums(figure: Ints, member: Ints, sign: Ints, category: Ints) -> Figures:
    n = int(figure[-1]) + 1 if len(figure) else 0
    sums = np.zeros((n, CATEGORIES), dtype=np.int64)
    if n:
        np.add.at(sums, (figure, category[member]), sign)
    return Figures(figure, member.astype(np.int64), sign.astype(np.int64), sums)


def joined(some: Sequence[Figures]) -> Figures:
    """Return all figures together."""
    shifts = np.cumsum([0, *(len(one) for one in some)])
    return Figures(
        np.concatenate([one.figure + shift for one, shift in zip(some, shifts, strict=False)]),
        np.concatenate([one.member for one in some]),
        np.concatenate([one.sign for one in some]),
        np.concatenate([one.sums for one in some]),
    )


@dataclass(frozen=True, slots=True)
class Published:
    """A row that anybody may read: one released block or bundle.

    Attributes:
        epoch_ms: End of its epoch.
        labels: Country, service and channel; `*` = mixed.
        members: Numbers of its answers.
    """

    epoch_ms: int
    labels: tuple[str, str, str]
    members: tuple[int, ...]


SLICES = tuple(tuple(place for place in range(3) if bits >> place & 1) for bits in range(8))
"""All sets of dimensions: none, each, each two, all three."""


def rows(published: Sequence[Published], category: Ints) -> Figures:
    """Return each row as a figure of its own."""
    return of_sets(((row.members, ()) for row in published), category)


def roll_ups(published: Sequence[Published], category: Ints) -> Figures:
    """Return the sums per epoch and labels, as `happiness` has them, mixed rows included."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for row in published:
        groups.setdefault((row.epoch_ms, *row.labels), []).extend(row.members)
    return of_sets(((members, ()) for members in groups.values()), category)


def frames(published: Sequence[Published], category: Ints, *, window_ms: int) -> Figures:
    """Return every slice's rolling window, frame after frame: what enters and what leaves with each epoch.

    Args:
        published: Rows that anybody may read.
        category: Of each answer.
        window_ms: Length of the window; a multiple of the epoch.
    """
    changes: dict[tuple[object, ...], tuple[list[int], list[int]]] = {}
    for row in published:
        for names in SLICES:
            values = tuple(row.labels[place] for place in names)
            for way, at_ms in enumerate((row.epoch_ms, row.epoch_ms + window_ms)):
                changes.setdefault((names, values, at_ms), ([], []))[way].extend(row.members)
    return of_sets(changes.values(), category)


def per_figure(log_ms: Ints, person: Ints, dims: Ints, category: Ints, *, k: int, every_ms: int) -> Figures:
    """Return what a minimum of k new people per displayed figure publishes, of all slices.

    Args:
        log_ms: When answers arrive, ascending; ms since the epoch.
        person: Who answers.
        dims: Country, service and channel.
        category: Of each answer.
        k: New people since a figure was shown last for which it is shown anew.
        every_ms: How often it is decided which figures are shown anew; ms.
    """
    found: list[tuple[list[int], list[int]]] = []
    waiting: dict[tuple[object, ...], list[int]] = {}
    touched: set[tuple[object, ...]] = set()
    for number, turn in enumerate((log_ms // every_ms).tolist()):
        if number and turn != log_ms[number - 1] // every_ms:
            found += _shown(waiting, touched, person, k)
            touched = set()
        for names in SLICES:
            place = (names, *(int(dims[number, name]) for name in names))
            waiting.setdefault(place, []).append(number)
            touched.add(place)
    return of_sets([*found, *_shown(waiting, touched, person, k)], category)


def _shown(
    waiting: dict[tuple[object, ...], list[int]], touched: set[tuple[object, ...]], person: Ints, k: int
) -> list[tuple[list[int], list[int]]]:
    """Take out the slices with enough new people."""
    ready = [place for place in sorted(touched, key=repr) if len(set(person[waiting[place]].tolist())) >= k]
    return [(waiting.pop(place), []) for place in ready]
