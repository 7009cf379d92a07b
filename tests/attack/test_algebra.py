"""The attackers' algebra against rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attack import algebra
from tests.attack.algebra import PRIME, null_vectors

Rows = list[dict[int, int]]
COLUMNS = 9


def determined(rows: Rows, columns: int) -> list[bool]:
    """Reduce over the rationals: an unknown is determined if some row is left with it alone."""
    matrix = [[Fraction(row.get(column, 0)) for column in range(columns)] for row in rows]
    done = 0
    for column in range(columns):
        hit = next((n for n in range(done, len(matrix)) if matrix[n][column]), None)
        if hit is None:
            continue
        matrix[done], matrix[hit] = matrix[hit], matrix[done]
        matrix[done] = [value / matrix[done][column] for value in matrix[done]]
        for other in range(len(matrix)):
            if other != done and matrix[other][column]:
                factor = matrix[other][column]
                matrix[other] = [a - factor * b for a, b in zip(matrix[other], matrix[done], strict=True)]
        done += 1
    alone = [row for row in matrix if sum(map(bool, row)) == 1]
    return [any(row[column] for row in alone) for column in range(columns)]


systems = st.lists(st.dictionaries(st.integers(0, COLUMNS - 1), st.sampled_from([1, 1, 1, -1])), max_size=10)


@given(systems, st.sampled_from([0, 2, 99]), st.sampled_from([2, 128]))
def test_what_is_zero_in_the_null_space_is_what_rational_arithmetic_determines(
    rows: Rows, sparse: int, panel: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(algebra, "SPARSE_WEIGHT", sparse)  # 0: everything is eliminated as a dense matrix
        patch.setattr(algebra, "PANEL", panel)
        found = null_vectors(rows, COLUMNS, seed=3)
    assert [not vector.any() for vector in found] == determined(rows, COLUMNS)
    for row in rows:
        total = sum((value * found[column] for column, value in row.items()), np.zeros(3, dtype=np.int64))
        assert not (total % PRIME).any()


def test_the_modulus_is_a_prime_that_leaves_room_for_a_panel_of_products() -> None:
    assert all(PRIME % number for number in range(2, int(PRIME**0.5) + 1))
    assert algebra.PANEL * (PRIME - 1) ** 2 < 2**53


def test_a_large_dense_system_of_full_rank_leaves_nothing_free() -> None:
    random = np.random.default_rng(1)
    matrix = random.integers(-1, 2, size=(330, 300))
    rows = [{int(c): int(row[c]) for c in np.flatnonzero(row)} for row in matrix]
    assert not null_vectors(rows, 300, seed=1).any()
    assert null_vectors(rows[:299], 300, seed=1).any()
