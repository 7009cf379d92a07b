"""What a detector looks at once: the shares of one block of answers, or of one window.

An observation is canonical (sorted, one entry per share), so that the order inside a block cannot matter.
"""

from collections.abc import Iterable

from streams.scores import PPM, Counts, Moments

Observation = tuple[tuple[int, int], ...]
"""(share in parts per million, count) pairs, sorted by share, counts > 0."""


def observed(pairs: Iterable[tuple[int, int]]) -> Observation:
    """Return the canonical observation of (share_ppm, count) pairs; equal shares are added up, zero counts left out."""
    counts: dict[int, int] = {}
    for share_ppm, count in pairs:
        counts[share_ppm] = counts.get(share_ppm, 0) + count
    return tuple(sorted((share_ppm, count) for share_ppm, count in counts.items() if count))


def block_of(counts: Counts) -> Observation:
    """Return a released block as an observation: detractors are share 0, neutrals 1/2, promoters 1."""
    return observed(((0, counts.detractors), (PPM // 2, counts.neutrals), (PPM, counts.promoters)))


def window_of(good_ms: int, attempted_ms: int) -> Observation:
    """Return one window's share of good time as an observation; empty if nothing was attempted.

    Args:
        good_ms: Good use time; milliseconds, 0 to `attempted_ms`.
        attempted_ms: All use time; milliseconds.
    """
    if attempted_ms <= 0:
        return ()
    share_ppm, rest = divmod(PPM * good_ms, attempted_ms)
    is_up = 2 * rest > attempted_ms or (2 * rest == attempted_ms and share_ppm % 2 == 1)  # half to even
    return ((share_ppm + is_up, 1),)


def moments_of(observation: Observation) -> Moments:
    """Return the moments of an observation's shares."""
    moments = Moments()
    for share_ppm, count in observation:
        moments = moments.add(share_ppm, count)
    return moments
