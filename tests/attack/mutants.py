"""Rules that look alike and leak: the attackers must solve them and the acceptance tests must fail on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from streams.blocks import Answer, release
from streams.cohorts import Cohort
from streams.judging.sheets import Epoch, ReleasedBlock
from streams.judging.verdicts import Ruler
from streams.scores import Counts
from tests.attack.figures import Figures, Published, joined, of_sets, per_figure, rows
from tests.attack.inviting import Invitations, cohort_rows, counted
from tests.attack.publishing import KEY, RULE, Released, arrivals, block_rows, judged, released
from tests.attack.traffic import TENANT, Traffic

REISSUED = 50


def displayed(traffic: Traffic, *, every_ms: int) -> Figures:
    """Return what a minimum of k people per displayed figure publishes, looked at in some rhythm (1 ms: at once)."""
    return per_figure(traffic.log_ms, traffic.person, traffic.dims, traffic.category, k=RULE.k, every_ms=every_ms)


def rebuilt(traffic: Traffic, published: Sequence[Published]) -> Figures:
    """Return all blocks, and all blocks that another k makes of the same answers."""
    again = block_rows(released(traffic.answers(), rule=replace(RULE, k=RULE.k + 1)))
    return joined([rows(published, traffic.category), rows(again, traffic.category)])


def reissued(traffic: Traffic, published: Sequence[Published], *, seed: int) -> Figures:
    """Return all blocks, and some of them once more without one member, who was erased."""
    random = np.random.default_rng(seed)
    chosen = random.choice(len(published), size=min(REISSUED, len(published)), replace=False)
    less = of_sets(((published[number].members[1:], ()) for number in chosen.tolist()), traffic.category)
    return joined([rows(published, traffic.category), less])


def reissued_rate(invitations: Invitations) -> Figures:
    """Return all response rates, and the first one once more without a person who was erased."""
    published = cohort_rows(counted(invitations))
    less = of_sets([(published[0].members[1:], ())], invitations.outcome)
    return joined([rows(published, invitations.outcome), less])


def by_newest_record(invitations: Invitations) -> list[Cohort]:
    """Return the cohorts of a rule that goes by when an invitation was last heard of: its answer, if there is one."""
    newest = invitations.log_ms + np.maximum(invitations.after_ms, 0)
    order = np.argsort(newest, kind="stable")
    return counted(Invitations(newest[order], invitations.person[order], invitations.after_ms[order]))


def two_categories(traffic: Traffic, *, until_ms: int | None = None) -> list[Released]:
    """Return the blocks of a rule that lets the members of a unanimous block go on waiting."""
    waiting: list[Answer] = []
    found: list[Released] = []
    for end_ms, new in arrivals(traffic.answers(), RULE, until_ms):
        blocks, waiting = release(TENANT, [*waiting, *new], epoch_end_ms=end_ms, rule=RULE, key=KEY)
        for block in blocks:
            said = {int(traffic.category[int(member.answer[1:])]) for member in block.members}
            if len(said) > 1:
                found.append(Released(end_ms, block))
            else:
                waiting += block.members
    return found


def inner_detector(traffic: Traffic, blocks: Sequence[Released], *, until_ms: int) -> list[object]:
    """Return verdicts and alerts of judges who look at every answer at once and speak when a block is released."""
    ends = np.unique([row.epoch_ms for row in blocks if row.epoch_ms <= until_ms])
    sheets: dict[int, list[ReleasedBlock]] = {int(end_ms): [] for end_ms in ends}
    for number in np.flatnonzero(traffic.log_ms <= ends[-1]) if len(ends) else ():
        end_ms = int(ends[np.searchsorted(ends, traffic.log_ms[number])])
        country, service, _ = (int(place) for place in traffic.dims[number])
        said = [int(traffic.category[number] == category) for category in range(3)]
        labels = {"country": f"c{country:02d}", "service": f"s{service:02d}"}
        counts = Counts(detractors=said[0], neutrals=said[1], promoters=said[2])
        sheets[end_ms].append(ReleasedBlock(labels, counts))
    epochs = [Epoch(end_ms, some) for end_ms, some in sheets.items()]
    return judged(epochs, Ruler(unit_ms=RULE.epoch_ms, per_observation=1))


def fallen(traffic: Traffic, *, from_ms: int) -> Traffic:
    """Return the answers with four of five in the whole organisation bad from some instant on."""
    bad = (traffic.log_ms >= from_ms) & (np.arange(len(traffic)) % 5 > 0)
    return replace(traffic, score=np.where(bad, 2, traffic.score))
