"""What was published, cut by labels: sums that add up exactly, for answers and for windows of use time.

One *observation* is an answer or a closed window. An observation weighs `PPM`; the rows of one window share that weight
by their use time, and the window's share of good time by their good time. Both are integers and add up to the window's
own figures without remainder, so everything that is made of them is exact.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from streams.blocks import MIXED
from streams.detect.observation import window_of
from streams.scores import PPM, Counts, Moments, moments_of

OTHER = "*"
"""The part of a dimension that has no name: mixed blocks, unknown values, and what is too small to be shown."""

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What can be added up over observations.

    Attributes:
        weight: `PPM` per whole observation.
        gain: Share of good (0 to `PPM`) per whole observation, weighted alike.
        squares: Squared share, weighted alike; parts per million.
    """

    weight: int = 0
    gain: int = 0
    squares: int = 0

    @property
    def n(self) -> int:
        """Answers, or whole windows' worth of use time; what is shown to people."""
        return self.weight // PPM

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            weight=self.weight + other.weight, gain=self.gain + other.gain, squares=self.squares + other.squares
        )  # fmt: skip


NOTHING = Sums()


@dataclass(frozen=True, slots=True)
class Row:
    """One published row: its labels (empty = unknown, `MIXED` = several) and its sums."""

    labels: Labels
    sums: Sums


def is_named(value: str) -> bool:
    """Return whether a label names something: neither mixed nor unknown."""
    return value not in {MIXED, ""}


def within(labels: Labels, slice_: Labels) -> bool:
    """Return whether a row belongs to a slice."""
    return all(labels.get(name, "") == value for name, value in slice_.items())


def answers_of(labels: Labels, counts: Counts) -> Row:
    """Return released answers (one block, or the sum of several with the same labels) as a row."""
    return shares_of(labels, moments_of(counts))


def shares_of(labels: Labels, moments: Moments) -> Row:
    """Return shares of whole observations, added up, as a row."""
    return Row(labels, Sums(weight=PPM * moments.n, gain=moments.total, squares=moments.squares // PPM))


def window_rows(rows: Sequence[tuple[Labels, int, int]]) -> list[Row]:
    """Return the rows of one closed window as parts of one observation; nothing if nothing was attempted.

    Args:
        rows: (labels, good ms, attempted ms) of the slice's published rows, in any order.
    """
    used = sorted((row for row in rows if row[2] > 0), key=lambda row: sorted(row[0].items()))
    good_ms, attempted_ms = sum(row[1] for row in used), sum(row[2] for row in used)
    seen = window_of(good_ms, attempted_ms)
    if not seen:
        return []
    weights = _shared_out(PPM, [row[2] for row in used])
    gains = _shared_out(seen[0][0], [row[1] for row in used])
    return [
        Row(labels, Sums(weight=weight, gain=gain, squares=_square(gain, weight)))
        for (labels, _, _), weight, gain in zip(used, weights, gains, strict=True)
    ]


def _shared_out(whole: int, parts: Sequence[int]) -> list[int]:
    """Return integers in proportion to the parts that add up to the whole: differences of rounded running sums."""
    total, running, given, shares = sum(parts), 0, 0, []
    for part in parts:
        running += part
        reached = whole * running // total if total else 0
        shares.append(reached - given)
        given = reached
    return shares


def _square(gain: int, weight: int) -> int:
    return gain * gain // weight if weight else 0


def total(rows: Iterable[Row]) -> Sums:
    """Return the sum over rows."""
    return _added_up([row.sums for row in rows])


def parted(rows: Iterable[Row], names: Sequence[str]) -> dict[tuple[str, ...], Sums]:
    """Return the sums by the values of some dimensions; a value that names nothing is `OTHER`."""
    sums: dict[tuple[str, ...], list[Sums]] = {}
    for row in rows:
        values = tuple(value if is_named(value := row.labels.get(name, "")) else OTHER for name in names)
        sums.setdefault(values, []).append(row.sums)
    return {values: _added_up(some) for values, some in sums.items()}


def _added_up(some: Sequence[Sums]) -> Sums:
    return Sums(
        weight=sum([one.weight for one in some]),
        gain=sum([one.gain for one in some]),
        squares=sum([one.squares for one in some]),
    )


def known_dimensions(before: Collection[Row], after: Collection[Row], dimensions: Iterable[str]) -> tuple[str, ...]:
    """Return the dimensions that the released labels name for at least half of the weight, in both spans."""
    spans = [span for span in (before, after) if span]
    return tuple(name for name in dimensions if all(_is_known(span, name) for span in spans))


def _is_known(span: Collection[Row], name: str) -> bool:
    named = total(row for row in span if is_named(row.labels.get(name, "")))
    return 2 * named.weight >= total(span).weight


def named_values(rows: Iterable[Row], name: str) -> set[str]:
    """Return the values of a dimension that name something."""
    return {value for row in rows if is_named(value := row.labels.get(name, ""))}
