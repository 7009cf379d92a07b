"""Exact linear algebra: which unknowns do some sums determine? Modulo a prime, so that nothing is a matter of rounding.

An unknown, or a sum of unknowns, is determined exactly if it is zero in everything that all sums map to zero. So random
elements of that null space decide: what is zero in one by chance is so with probability 1 / `PRIME` and in all of them
with that to the power of `VECTORS`. Sums are eliminated as sparse rows for as long as they stay sparse, the rest as a
dense matrix in panels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Row = dict[int, int]

PRIME = 4_194_301
"""The largest prime below 2**22: `PANEL` products of two remainders still add up exactly in float64."""
VECTORS = 3
PANEL = 128
SPARSE_WEIGHT = 24
"""A row with more entries than this is left to the dense half."""


def null_vectors(rows: Iterable[Mapping[int, int]], columns: int, *, seed: int) -> Ints:
    """Return random elements of the null space of some sums, as the columns of a matrix.

    Args:
        rows: Of each sum, unknown -> coefficient.
        columns: How many unknowns there are.
        seed: Of the random elements.
    """
    random = np.random.default_rng(seed)
    found = random.integers(1, PRIME, size=(columns, VECTORS))
    sparse = _Sparse(rows)
    sparse.eliminate()
    _solve_dense(sparse.rest(), found)
    for column, row in reversed(sparse.pivots):
        others = [name for name in row if name != column]
        total = np.array([row[name] for name in others], dtype=np.int64) @ found[others] if others else 0
        found[column] = -(total % PRIME) * pow(row[column], -1, PRIME) % PRIME
    return found


class _Sparse:
    """Rows that are eliminated one by one, the lightest first, each by its rarest unknown.

    Attributes:
        pivots: (unknown, row) in the order of elimination: a row's other unknowns are eliminated later or free.
    """

    def __init__(self, rows: Iterable[Mapping[int, int]]) -> None:
        self.pivots: list[tuple[int, Row]] = []
        self._rows: dict[int, Row] = {}
        self._users: dict[int, set[int]] = {}
        for number, row in enumerate(rows):
            kept = {column: value % PRIME for column, value in row.items() if value % PRIME}
            if kept:
                self._rows[number] = kept
                for column in kept:
                    self._users.setdefault(column, set()).add(number)
        self._private = [column for column, users in self._users.items() if len(users) == 1]
        self._heap = [(len(row), number) for number, row in self._rows.items()]
        heapify(self._heap)

    def eliminate(self) -> None:
        """Eliminate until only heavy rows are left."""
        while True:
            self._peel()
            number = self._lightest()
            if number is None:
                return
            row = self._rows[number]
            self._pivot(number, min(row, key=lambda name: (len(self._users[name]), name)))

    def rest(self) -> list[Row]:
        """Return the rows that are left."""
        return list(self._rows.values())

    def _peel(self) -> None:
        """Put aside rows with an unknown of their own: they restrict nothing else."""
        while self._private:
            column = self._private.pop()
            users = self._users.get(column, set())
            if len(users) == 1:
                self._take(next(iter(users)), column)

    def _lightest(self) -> int | None:
        while self._heap:
            weight, number = self._heap[0]
            row = self._rows.get(number)
            if row is not None and len(row) == weight:
                return number if weight <= SPARSE_WEIGHT else None
            heappop(self._heap)
        return None

    def _pivot(self, number: int, column: int) -> None:
        row = self._rows[number]
        inverse = pow(row[column], -1, PRIME)
        for user in [user for user in self._users[column] if user != number]:
            self._subtract(user, row, self._rows[user][column] * inverse % PRIME)
        self._take(number, column)

    def _subtract(self, user: int, row: Row, factor: int) -> None:
        mine = self._rows[user]
        for column, value in row.items():
            changed = (mine.get(column, 0) - factor * value) % PRIME
            if changed:
                mine[column] = changed
                self._users[column].add(user)
            else:
                mine.pop(column, None)
                self._left(column, user)
        if mine:
            heappush(self._heap, (len(mine), user))
        else:
            del self._rows[user]

    def _take(self, number: int, column: int) -> None:
        row = self._rows.pop(number)
        self.pivots.append((column, row))
        for name in row:
            self._left(name, number)

    def _left(self, column: int, user: int) -> None:
        users = self._users[column]
        users.discard(user)
        if len(users) == 1:
            self._private.append(column)


def _solve_dense(rows: list[Row], found: Ints) -> None:
    """Put the unknowns of heavy rows into `found`: some stay as random as they are, the rest follows from them."""
    names = sorted({name for row in rows for name in row})
    if not names:
        return
    place = {name: number for number, name in enumerate(names)}
    matrix = np.zeros((len(rows), len(names)), dtype=np.int64)
    for number, row in enumerate(rows):
        matrix[number, [place[name] for name in row]] = list(row.values())
    mine = found[names]
    pivots = _echelon(matrix)
    for number in range(len(pivots) - 1, -1, -1):
        column = pivots[number]
        total = matrix[number, column + 1 :] @ mine[column + 1 :] % PRIME
        mine[column] = -total * pow(int(matrix[number, column]), -1, PRIME) % PRIME
    found[names] = mine


def _echelon(matrix: Ints) -> list[int]:
    """Bring a matrix into row echelon form, in place; return the pivot columns."""
    pivots: list[int] = []
    for begin in range(0, matrix.shape[1], PANEL):
        end = min(begin + PANEL, matrix.shape[1])
        top = len(pivots)
        new, lower = _panel(matrix, top, begin, end)
        pivots += new
        below = top + len(new)
        for number in range(top, below):  # the multipliers among the panel's own rows
            matrix[number + 1 : below, end:] -= np.outer(
                lower[number + 1 - top : below - top, number - top], matrix[number, end:]
            )
            matrix[number + 1 : below, end:] %= PRIME
        product = lower[below - top :].astype(np.float64) @ matrix[top:below, end:].astype(np.float64)
        matrix[below:, end:] = (matrix[below:, end:] - product.astype(np.int64)) % PRIME
    return pivots


def _panel(matrix: Ints, top: int, begin: int, end: int) -> tuple[list[int], Ints]:
    """Eliminate within some columns; rows change places as a whole. Return pivot columns and the multipliers."""
    pivots: list[int] = []
    lower = np.zeros((matrix.shape[0] - top, end - begin), dtype=np.int64)
    for column in range(begin, end):
        number = top + len(pivots)
        hits = np.flatnonzero(matrix[number:, column])
        if not len(hits):
            continue
        swap = [number, number + int(hits[0])]
        matrix[swap] = matrix[swap[::-1]]
        lower[[one - top for one in swap]] = lower[[one - top for one in swap[::-1]]]
        factors = matrix[number + 1 :, column] * pow(int(matrix[number, column]), -1, PRIME) % PRIME
        matrix[number + 1 :, column:end] -= np.outer(factors, matrix[number, column:end])
        matrix[number + 1 :, column:end] %= PRIME
        lower[number + 1 - top :, len(pivots)] = factors
        pivots.append(column)
    return pivots, lower[:, : len(pivots)]
