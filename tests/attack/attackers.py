"""The attackers: given figures, which single answers, or groups of fewer than k, follow from them?

Answers that no figure tells apart (an *atom*) can exchange their values and every figure stays as it is, so nothing
follows about a part of an atom. That is a proof, whatever else an attacker tries. Atoms of fewer than k are handed to
exact linear algebra over all figures at once, which covers differences of frames, window exits, complements and
overlapping slices, since all of them are linear. Integer reasoning knows in addition that an answer is in a category
once or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tests.attack.algebra import PRIME, null_vectors
from tests.attack.figures import CATEGORIES, Figures

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What linear algebra finds.

    Attributes:
        solved: Answers whose category is determined by themselves.
        groups_under_k: Determined groups of 2 to k - 1 answers: whole atoms, and pairs of atoms.
        least_atom: Answers in the smallest atom that is in any figure; 0 = there are no figures.
    """

    solved: tuple[int, ...]
    groups_under_k: int
    least_atom: int


def atoms(figures: Figures, n: int) -> list[Ints]:
    """Return the answers that are in some figure, grouped by which figures they are in, and how.

    Args:
        figures: All that is known.
        n: How many answers there are.
    """
    random = np.random.default_rng(20)  # names of patterns; two patterns have the same with probability 2**-128
    names = random.integers(0, 2**64, size=(len(figures), 2), dtype=np.uint64)
    pattern = np.zeros((n, 2), dtype=np.uint64)
    with np.errstate(over="ignore"):
        np.add.at(pattern, figures.member, names[figures.figure] * figures.sign.astype(np.uint64)[:, None])
    known = np.flatnonzero(pattern.any(axis=1))
    if not len(known):
        return []
    _, inverse = np.unique(pattern[known], axis=0, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    return np.split(known[order], np.flatnonzero(np.diff(inverse[order])) + 1)


def linear(figures: Figures, n: int, k: int, *, seed: int = 1) -> Finding:
    """Find what follows by linear algebra from all figures at once.

    Args:
        figures: All that is known.
        n: How many answers there are.
        k: Groups of fewer answers are harm.
        seed: Of the random elements of the null space.
    """
    found = atoms(figures, n)
    least = min(map(len, found), default=0)
    if least >= k or not found:
        return Finding(solved=(), groups_under_k=0, least_atom=least)
    # The unknown of an atom is its sum, in which each of its answers counts once.
    free = null_vectors(_rows(figures, found, n), len(found), seed=seed)
    sizes = np.array([len(atom) for atom in found])
    fixed: Bools = np.asarray(~free.any(axis=1))
    solved = tuple(int(found[place][0]) for place in np.flatnonzero(fixed & (sizes == 1)))
    whole = int(np.count_nonzero(fixed & (sizes > 1) & (sizes < k)))
    return Finding(solved=solved, groups_under_k=whole + _pairs(free, sizes, fixed, k), least_atom=least)


def _rows(figures: Figures, found: list[Ints], n: int) -> list[dict[int, int]]:
    of = np.full(n, -1)
    for place, atom in enumerate(found):
        of[atom] = place
    rows: list[dict[int, int]] = [{} for _ in range(len(figures))]
    firsts = np.array([atom[0] for atom in found])
    for figure, member, sign in zip(
        figures.figure.tolist(), figures.member.tolist(), figures.sign.tolist(), strict=True
    ):
        place = of[member]
        if place >= 0 and firsts[place] == member:
            rows[figure][place] = rows[figure].get(place, 0) + sign
    return rows


def _pairs(free: Ints, sizes: Ints, fixed: Bools, k: int) -> int:
    """Return how many pairs of atoms, each free, have a determined sum and fewer than k answers together."""
    values: dict[tuple[int, ...], list[int]] = defaultdict(list)
    loose = np.flatnonzero(~fixed & (sizes < k))
    for place in loose:
        values[tuple(free[place].tolist())].append(int(place))
    pairs = 0
    for value, places in values.items():
        opposite = tuple(-part % PRIME for part in value)
        if opposite == value:
            pairs += sum(sizes[a] + sizes[b] < k for a, b in combinations(places, 2))
        elif value < opposite:
            pairs += sum(int(sizes[a] + sizes[b]) < k for a in places for b in values.get(opposite, ()))
    return int(pairs)


def forced(figures: Figures, n: int) -> Bools:
    """Return which answers' categories follow if each counts once or not at all, by bounds on every figure.

    Args:
        figures: All that is known.
        n: How many answers there are.
    """
    low, high = np.zeros((n, CATEGORIES), dtype=np.int64), np.ones((n, CATEGORIES), dtype=np.int64)
    while True:
        before = int(low.sum() - high.sum())
        for category in range(CATEGORIES):
            _bound(figures, category, low, high)
        high = np.minimum(high, 1 - (low.sum(axis=1, keepdims=True) - low))
        low = np.maximum(low, 1 - (high.sum(axis=1, keepdims=True) - high))
        if int(low.sum() - high.sum()) == before:
            return np.asarray(low.any(axis=1))


def _bound(figures: Figures, category: int, low: Ints, high: Ints) -> None:
    """Narrow the bounds of one category: a figure at the end of what its members allow leaves none of them a choice."""
    member, positive = figures.member, figures.sign > 0
    least = np.where(positive, low[member, category], -high[member, category])
    most = np.where(positive, high[member, category], -low[member, category])
    starts = figures.starts()
    sums = figures.sums[:, category]
    at_least = (np.add.reduceat(least, starts) == sums)[figures.figure]
    at_most = (np.add.reduceat(most, starts) == sums)[figures.figure]
    high[member[at_least & positive], category] = low[member[at_least & positive], category]
    low[member[at_least & ~positive], category] = high[member[at_least & ~positive], category]
    low[member[at_most & positive], category] = high[member[at_most & positive], category]
    high[member[at_most & ~positive], category] = low[member[at_most & ~positive], category]


def unanimous(sets: list[Ints], category: Ints, n: int) -> Bools:
    """Return which answers are in a set of answers of one category only."""
    found = np.zeros(n, dtype=bool)
    for members in sets:
        found[members] = len(np.unique(category[members])) == 1
    return found
