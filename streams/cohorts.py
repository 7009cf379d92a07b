"""How many of those who were asked answered: every invitation joins at most one cohort, once, for ever.

A cohort is a span of log time that ends with a day (or whatever the profile has) and holds the invitations of which
one first heard in it; the next begins where it ends. A span with fewer people than needed grows by a day. It is
published when its last invitation has had its time to be answered. Who answered is not an argument of anything here, so
neither members nor spans nor the moment of publishing can depend on it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from streams.blocks import Rule
from streams.errors import ConfigError
from streams.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An invitation as the rule sees it.

    Attributes:
        invitation: Id within the tenant.
        log_ms: Record timestamp of the first record that told of it and not of its outcome; ms since the epoch.
        person: Pseudonym.
    """

    invitation: str
    log_ms: int
    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """Invitations that are counted together, each of another person.

    Attributes:
        start_ms: Where the cohort before it ended, or the day of the first invitation began; ms since the epoch.
        end_ms: First instant that is not in it.
        epoch_ms: End of the release epoch in which it is published.
        members: The first invitation of each person, oldest first.
    """

    start_ms: int
    end_ms: int
    epoch_ms: int
    members: tuple[Asked, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortRule:
    """Parameters of the cohorts.

    Attributes:
        people: Different people per cohort; at least k.
        cohort_ms: Cohorts end at its multiples.
        deadline_ms: How long an invitation may be answered; what comes later does not count.
        epoch_ms: Length of a release epoch.

    Raises:
        ConfigError: One of them is too small.
    """

    people: int
    cohort_ms: int
    deadline_ms: int
    epoch_ms: int

    def __post_init__(self) -> None:
        for name in ("people", "cohort_ms", "deadline_ms", "epoch_ms"):
            if getattr(self, name) < 1:
                raise ConfigError(f"cohorts: {name} is {getattr(self, name)}; allowed: 1 and more")

    def end_of(self, asked_ms: int) -> int:
        """Return the end of the day that an instant is in; ms since the epoch."""
        return (asked_ms // self.cohort_ms + 1) * self.cohort_ms

    def epoch_of(self, end_ms: int) -> int:
        """Return the end of the epoch in which a cohort that ends at `end_ms` is published."""
        return -(-(end_ms + self.deadline_ms) // self.epoch_ms) * self.epoch_ms

    def is_in_time(self, asked: Asked, answered_ms: int | None) -> bool:
        """Return whether an answer counts that was heard of at `answered_ms`; None = none was."""
        return answered_ms is not None and answered_ms <= asked.log_ms + self.deadline_ms


def cohort_rule_of(profile: Profile, blocks: Rule) -> CohortRule:
    """Return the rule of a profile: as many people as a bundle has.

    One in five answers, so of five people nobody does one time in three: known of each of them, then. Of twenty
    people that is one in ninety.

    Args:
        profile: Length of cohorts, deadline and people.
        blocks: The tenant's release rule, with its k and epoch.
    """
    return CohortRule(
        people=max(profile.bundle_people, blocks.k),
        cohort_ms=profile.cohort_ms,
        deadline_ms=profile.deadline_ms,
        epoch_ms=blocks.epoch_ms,
    )


def cohorts(asked: Iterable[Asked], *, from_ms: int | None, until_ms: int, rule: CohortRule) -> list[Cohort]:
    """Return the cohorts of one tenant that are due, oldest first.

    Args:
        asked: All its invitations from `from_ms` on, in any order; earlier ones are in cohorts and left out.
        from_ms: End of the last published cohort; None if there is none.
        until_ms: End of the last epoch that is complete; ms since the epoch.
        rule: People, lengths and deadline.
    """
    found: list[Cohort] = []
    first: dict[str, Asked] = {}
    new = sorted((one for one in asked if from_ms is None or one.log_ms >= from_ms), key=_age)
    start_ms = from_ms
    for end_ms, some in groupby(new, key=lambda one: rule.end_of(one.log_ms)):
        if rule.epoch_of(end_ms) > until_ms:
            break
        start_ms = end_ms - rule.cohort_ms if start_ms is None else start_ms
        for one in some:
            first.setdefault(one.person, one)
        if len(first) >= rule.people:
            members = tuple(first.values())
            found.append(Cohort(start_ms=start_ms, end_ms=end_ms, epoch_ms=rule.epoch_of(end_ms), members=members))
            first, start_ms = {}, end_ms
    return found


def answered_in_time(cohort: Cohort, answered_ms: Mapping[str, int | None], rule: CohortRule) -> int:
    """Return how many of a cohort answered in time.

    Args:
        cohort: Whom it is about.
        answered_ms: Invitation -> when one first heard that it was answered; ms since the epoch, None = never.
        rule: Knows the deadline.
    """
    return sum(rule.is_in_time(one, answered_ms.get(one.invitation)) for one in cohort.members)


def _age(asked: Asked) -> tuple[int, str]:
    return asked.log_ms, asked.invitation
