"""The recent past in equal parts: enough to add up any window that ends now, without keeping every epoch."""

from collections.abc import Iterable, Sequence

import msgspec

from streams.detect.observation import Observation, moments_of
from streams.scores import Moments

MAX_SPANS = 56
"""Parts of a window: 3 hours each in 7 days."""


class Span(msgspec.Struct, frozen=True, array_like=True):
    """Moments of the epochs or windows that end in (start_ms, start_ms + span length]."""

    start_ms: int
    n: int
    total: int
    squares: int

    @property
    def moments(self) -> Moments:
        """The sums as a value that adds up."""
        return Moments(n=self.n, total=self.total, squares=self.squares)


def rolled(
    spans: tuple[Span, ...], observations: Iterable[Observation], *, at_ms: int, window_ms: int, unit_ms: int
) -> tuple[Span, ...]:
    """Return the spans with one epoch or window added and those dropped that reach out of the rolling window.

    Args:
        spans: Oldest first.
        observations: Of the epoch or window.
        at_ms: Its end; ms UTC.
        window_ms: Length of the rolling window; milliseconds.
        unit_ms: Length of an epoch or window; milliseconds.
    """
    length_ms = unit_ms * max(1, -(-window_ms // (MAX_SPANS * unit_ms)))
    start_ms = (at_ms - 1) // length_ms * length_ms
    sums = {span.start_ms: span.moments for span in spans}
    for observation in observations:
        sums[start_ms] = sums.get(start_ms, Moments()) + moments_of(observation)
    first_ms = min(start_ms, at_ms - window_ms)
    return tuple(Span(start, one.n, one.total, one.squares) for start, one in sorted(sums.items()) if start >= first_ms)


def added(spans: Sequence[Span], *, since_ms: int = 0, before_ms: int = 1 << 62) -> Moments:
    """Return the sum of the spans that start in [since_ms, before_ms)."""
    return sum((span.moments for span in spans if since_ms <= span.start_ms < before_ms), start=Moments())
