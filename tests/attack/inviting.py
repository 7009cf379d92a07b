"""Invitations of a made-up organisation, most of them never answered, and their response rates by the real rule.

Who answered is what the attackers are after here: it is an unknown of its own beside what people answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streams.blocks import rule_of
from streams.cohorts import Asked, Cohort, CohortRule, answered_in_time, cohort_rule_of, cohorts
from streams.profile import STANDARD
from tests.attack.figures import Published
from tests.attack.traffic import DAY_MS, Traffic

Ints = NDArray[np.int64]

COHORT_RULE = cohort_rule_of(STANDARD, rule_of(STANDARD))
PER_ANSWER = 5
"""People who are asked for one who answers."""
NEVER = -1


@dataclass(frozen=True, slots=True)
class Invitations:
    """Invitations in the order in which they were sent; one entry each.

    Attributes:
        log_ms: When one first heard of it; ms since the epoch.
        person: Number of the person.
        after_ms: How long it took to be answered; `NEVER`: it was not.
    """

    log_ms: Ints
    person: Ints
    after_ms: Ints

    def __len__(self) -> int:
        return len(self.log_ms)

    @property
    def outcome(self) -> Ints:
        """2 = answered in time, else 0; categories as those of answers."""
        return 2 * ((self.after_ms >= 0) & (self.after_ms <= COHORT_RULE.deadline_ms)).astype(np.int64)

    def asked(self) -> list[Asked]:
        """Return them as the rule sees them: without what became of them."""
        rows = enumerate(zip(self.log_ms.tolist(), self.person.tolist(), strict=True))
        return [Asked(invitation=f"i{n:07d}", log_ms=log_ms, person=f"p{who}") for n, (log_ms, who) in rows]

    def answered_ms(self) -> dict[str, int | None]:
        """Return invitation -> when it was answered."""
        rows = enumerate(zip(self.log_ms.tolist(), self.after_ms.tolist(), strict=True))
        return {f"i{n:07d}": None if after < 0 else log_ms + after for n, (log_ms, after) in rows}

    def with_outcomes_of(self, order: Ints) -> Invitations:
        """Return the same invitations, each with what became of another one."""
        return replace(self, after_ms=self.after_ms[order])


def make_invitations(traffic: Traffic, *, seed: int) -> Invitations:
    """Return what was sent for some answers to come: to those who gave them, and to those who did not."""
    random = np.random.default_rng(seed)
    n = len(traffic)
    other = random.integers(0, n, size=n * (PER_ANSWER - 1))
    delay = random.integers(60_000, DAY_MS, size=n)
    log_ms = np.concatenate((traffic.log_ms - delay, traffic.log_ms[other] - random.integers(0, DAY_MS, len(other))))
    person = np.concatenate((traffic.person, random.integers(0, traffic.person.max() + 1, size=len(other))))
    after_ms = np.concatenate((delay, np.full(len(other), NEVER)))
    order = np.argsort(log_ms, kind="stable")
    return Invitations(log_ms[order], person[order], after_ms[order])


def counted(some: Invitations, *, rule: CohortRule = COHORT_RULE, until_ms: int | None = None) -> list[Cohort]:
    """Return the cohorts that are published up to an instant; None = all."""
    last_ms = int(some.log_ms[-1]) + 2 * rule.deadline_ms if until_ms is None else until_ms
    return cohorts(some.asked(), from_ms=None, until_ms=last_ms, rule=rule)


def rates(some: Invitations, *, until_ms: int | None = None) -> list[object]:
    """Return what the view of response rates shows."""
    answered_ms = some.answered_ms()
    return [
        (
            "rate",
            one.start_ms,
            one.end_ms,
            one.epoch_ms,
            len(one.members),
            answered_in_time(one, answered_ms, COHORT_RULE),
        )
        for one in counted(some, until_ms=until_ms)
    ]


def cohort_rows(some: Sequence[Cohort], *, first: int = 0) -> list[Published]:
    """Return the cohorts as rows with their members' numbers.

    Args:
        some: What is published.
        first: Number of the first invitation, where answers are numbered before.
    """
    return [
        Published(one.epoch_ms, ("*", "*", "*"), tuple(first + int(member.invitation[1:]) for member in one.members))
        for one in some
    ]
