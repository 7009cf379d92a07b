"""What answers tell beside their category, as sums: scores, lost minutes, factors. Integers that add up, nothing else.

Lost minutes are counted by halves of a day's work: above 480 minutes a day was lost and more is not told apart.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

SCORES = 11
"""Values of the scale 0 to 10."""

BAND_EDGES = (0, 1, 3, 7, 15, 30, 60, 120, 240, 480)
"""Upper ends of the bands of lost minutes, inclusive: halves of 480. The last band has no end."""

LOST_CAPS = (480,)
"""Minutes at which answers are cut off before they are added up: each cap has a sum of its own. There is one only: two
sums and the bands would tell exactly what the one person lost who is between two caps."""

_NO_BANDS = (0,) * (len(BAND_EDGES) + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """Sums over answers; all counts >= 0.

    Attributes:
        scores: Answers by score, 0 to 10.
        lost_bands: Answers that told lost minutes, by band (`BAND_EDGES`).
        lost_sums: Their minutes, cut off at each of `LOST_CAPS`.
        factors: Factor -> answers that name it.
    """

    scores: tuple[int, ...] = (0,) * SCORES
    lost_bands: tuple[int, ...] = _NO_BANDS
    lost_sums: tuple[int, ...] = (0,) * len(LOST_CAPS)
    factors: Mapping[str, int] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Answers."""
        return sum(self.scores)

    @property
    def lost_n(self) -> int:
        """Answers that told lost minutes."""
        return sum(self.lost_bands)

    def __add__(self, other: "Details") -> "Details":
        names = sorted({*self.factors, *other.factors})
        return Details(
            scores=_added(self.scores, other.scores),
            lost_bands=_added(self.lost_bands, other.lost_bands),
            lost_sums=_added(self.lost_sums, other.lost_sums),
            factors={name: self.factors.get(name, 0) + other.factors.get(name, 0) for name in names},
        )

    @property
    def columns(self) -> tuple[list[int], list[int], list[int], dict[str, int]]:
        """Scores, bands, sums and factors as a table stores them."""
        return list(self.scores), list(self.lost_bands), list(self.lost_sums), dict(self.factors)

    def without(self, *, lost: bool, factors: bool) -> "Details":
        """Return the sums without what must not be told."""
        return Details(
            scores=self.scores,
            lost_bands=_NO_BANDS if lost else self.lost_bands,
            lost_sums=(0,) * len(LOST_CAPS) if lost else self.lost_sums,
            factors={} if factors else self.factors,
        )


def _added(one: tuple[int, ...], two: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, two, strict=True))


def details_read(
    scores: Iterable[int], lost_bands: Iterable[int], lost_sums: Iterable[int], factors: Mapping[str, int]
) -> Details:
    """Return the details of stored columns; the inverse of `Details.columns`."""
    return Details(
        scores=tuple(scores), lost_bands=tuple(lost_bands), lost_sums=tuple(lost_sums), factors=dict(factors)
    )  # fmt: skip


def details_of(score: int, lost_minutes: int | None = None, factors: Iterable[str] = ()) -> Details:
    """Return the details of one answer.

    Args:
        score: 0 to 10.
        lost_minutes: Working time lost, minutes >= 0; None = not told.
        factors: Names; empty ones and repetitions count for nothing.

    Example:
        >>> details_of(3, 90, ["speed"]).lost_sums
        (90,)
    """
    named = {name: 1 for name in sorted(set(factors)) if name}
    scores = tuple(int(value == score) for value in range(SCORES))
    if lost_minutes is None:
        return Details(scores=scores, factors=named)
    band = band_of(lost_minutes)
    return Details(
        scores=scores,
        lost_bands=tuple(int(number == band) for number in range(len(_NO_BANDS))),
        lost_sums=tuple(min(lost_minutes, cap) for cap in LOST_CAPS),
        factors=named,
    )


def band_of(minutes: int) -> int:
    """Return the band of lost minutes: the first whose upper end is not exceeded, else the last.

    Example:
        >>> band_of(0), band_of(15), band_of(16), band_of(481)
        (0, 4, 5, 10)
    """
    return next((number for number, edge in enumerate(BAND_EDGES) if minutes <= edge), len(BAND_EDGES))
