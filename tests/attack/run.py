"""One tenant's month: published by the real rule, attacked, priced; and broken rules that must be solved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from tests.attack.attackers import forced, linear, unanimous
from tests.attack.figures import Figures, Published, frames, joined, roll_ups, rows
from tests.attack.inviting import Invitations, cohort_rows, counted, make_invitations
from tests.attack.mutants import displayed, rebuilt, reissued
from tests.attack.price import Price, price_of
from tests.attack.publishing import RULE, block_rows, bundle_rows, bundled, pieces, released
from tests.attack.traffic import DAY_MS, Traffic

Say = Callable[[str], None]
WINDOWS_MS = (DAY_MS, 7 * DAY_MS)
WEEK_DAYS = 7
INVITED_SEED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the attackers found out about one tenant.

    Attributes:
        answers: How many there are.
        invitations: How many were sent for them.
        blocks: How many were published.
        cohorts: How many response rates were published.
        figures: How many figures the attackers were given.
        solved: Single answers, and single invitations of which is known whether they were answered.
        groups_under_k: Groups of 2 to k - 1 answers or invitations.
        least_atom: Answers in the smallest set that the figures tell apart from all others.
        in_unanimous: Share of the answers in blocks of one category only.
        detractors_in_unanimous: Share of the answers in blocks of detractors only.
        alike: Share of the invitations in cohorts that all or nobody answered.
        forced_outside: Answers and invitations outside of those sets of which follows what became of them.
        price: What the rule costs.
    """

    answers: int
    invitations: int
    blocks: int
    cohorts: int
    figures: int
    solved: int
    groups_under_k: int
    least_atom: int
    in_unanimous: float
    detractors_in_unanimous: float
    alike: float
    forced_outside: int
    price: Price

    def to_json(self) -> dict[str, object]:
        """Return all of it as plain values."""
        return asdict(self)


def attack(traffic: Traffic, say: Say) -> tuple[Outcome, list[Published]]:
    """Publish a tenant's answers by the real rule and attack everything that can be read.

    Returns:
        What was found, and the blocks.
    """
    blocks = released(traffic.answers())
    say(f"  {len(traffic)} answers in {len(blocks)} blocks")
    told = dict(zip((one.answer for one in traffic.answers()), traffic.told(), strict=True))
    bundles = bundled(pieces(blocks, told))
    say(f"  {len(blocks)} blocks in {len(bundles)} bundles")
    published = block_rows(blocks)
    invitations = make_invitations(traffic, seed=INVITED_SEED)
    rated = cohort_rows(counted(invitations), first=len(traffic))
    say(f"  {len(invitations)} invitations in {len(rated)} cohorts")
    figures = all_figures(traffic, published, bundle_rows(bundles, blocks), (invitations, rated))
    say(f"  {len(figures)} figures: rows, sums per epoch and labels, frames of windows of every slice, bundles, rates")
    return _outcome(traffic, invitations, published, rated, figures), published


def all_figures(
    traffic: Traffic,
    blocks: list[Published],
    bundles: list[Published],
    invited: tuple[Invitations, list[Published]] | None = None,
) -> Figures:
    """Return everything that a reader can sum up; invitations are numbered after the answers."""
    said = traffic.category
    windows = [frames(blocks, said, window_ms=window_ms) for window_ms in WINDOWS_MS]
    figures = [rows(blocks, said), roll_ups(blocks, said), *windows, rows(bundles, said)]
    if invited is not None:
        figures.append(rows(invited[1], np.concatenate((said, invited[0].outcome))))
    return joined(figures)


def _outcome(
    traffic: Traffic, invitations: Invitations, published: list[Published], rated: list[Published], figures: Figures
) -> Outcome:
    n, said = len(traffic), np.concatenate((traffic.category, invitations.outcome))
    found = linear(figures, len(said), RULE.k)
    same = unanimous([np.array(row.members) for row in (*published, *rated)], said, len(said))
    return Outcome(
        answers=n,
        invitations=len(invitations),
        blocks=len(published),
        cohorts=len(rated),
        figures=len(figures),
        solved=len(found.solved),
        groups_under_k=found.groups_under_k,
        least_atom=found.least_atom,
        in_unanimous=float(same[:n].mean()),
        detractors_in_unanimous=float((same & (said == 0))[:n].mean()),
        alike=float(same[n:].mean()),
        forced_outside=int((forced(figures, len(said)) & ~same).sum()),
        price=price_of(traffic, published),
    )


def solved_per_figure(traffic: Traffic, *, every_ms: int) -> tuple[float, float]:
    """Return the shares of the first week's answers, and of its detractors, that k per displayed figure gives away.

    Args:
        traffic: Of a week and more.
        every_ms: How often figures are shown anew if k new people are there; ms. 1: at once.
    """
    week = traffic.first(WEEK_DAYS)
    figures = displayed(week, every_ms=every_ms)
    known = forced(figures, len(week))
    found = linear(figures, len(week), RULE.k)
    known[list(found.solved)] = True
    return len(found.solved) / len(week), float(known[week.category == 0].mean())


def solved_rebuilt(traffic: Traffic, published: list[Published]) -> float:
    """Return the share of the answers that blocks rebuilt with another k give away."""
    return len(linear(rebuilt(traffic, published), len(traffic), RULE.k).solved) / len(traffic)


def solved_reissued(traffic: Traffic, published: list[Published], *, seed: int) -> int:
    """Return how many answers are given away by reissuing blocks without one member."""
    return len(linear(reissued(traffic, published, seed=seed), len(traffic), RULE.k).solved)
