"""Tickets through their lives: opened, assigned (perhaps bounced), resolved, perhaps reopened, closed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count

from streams.simulate.agenda import Body, Item, in_order
from streams.simulate.names import CHANNELS
from streams.simulate.organisation import Organisation
from streams.simulate.rhythm import candidates
from streams.simulate.scenario import Scenario

SOURCE = "service-desk"
CATEGORIES = ("request", "incident", "access")
BOUNCED_RATIO = 0.2
REOPENED_RATIO = 0.05


def tickets(scenario: Scenario, organisation: Organisation, rng: random.Random, start_ms: int) -> Iterator[Item]:
    """Yield ticket events in time order, for ever; one ticket's revisions count up from 1.

    Args:
        scenario: Volume and pace.
        organisation: Who opens them, about which service.
        rng: Owned by this source.
        start_ms: Nothing happens before; ms UTC.
    """
    return in_order(_steps(scenario, organisation, rng, start_ms))


def _steps(
    scenario: Scenario, organisation: Organisation, rng: random.Random, start_ms: int
) -> Iterator[tuple[int, list[Item]]]:
    numbers = count(1)
    for at_ms in candidates(rng, scenario.tickets_per_s, scenario.rhythm, start_ms):
        person = organisation.people[int(rng.random() * len(organisation.people))]
        if scenario.rhythm.is_active(rng, at_ms, person.country):
            ticket: Body = {
                "tenant": scenario.tenant, "source": SOURCE, "ticket_id": f"{scenario.tenant}/ticket/{next(numbers)}",
                "person": person.id, "service": rng.choice(organisation.services), "channel": rng.choice(CHANNELS),
                "category": rng.choice(CATEGORIES),
            }  # fmt: skip
            yield at_ms, list(_life(ticket, rng, at_ms, scenario))


def _life(ticket: Body, rng: random.Random, at_ms: int, scenario: Scenario) -> Iterator[Item]:
    kinds = _kinds(rng)
    made_sla = rng.random() < scenario.made_sla_ratio
    for revision, kind in enumerate(kinds, start=1):
        seen = kinds[:revision]
        body: Body = {
            **ticket, "event_id": f"{ticket['ticket_id']}/{revision}", "event_time_ms": at_ms, "revision": revision,
            "kind": kind, "reassignment_count": max(0, seen.count("assigned") - 1),
            "reopen_count": seen.count("reopened"),
        }  # fmt: skip
        if "assigned" in seen:
            body["assignment_group"] = f"{ticket['service']}-desk-{seen.count('assigned')}"
        if "resolved" in seen:
            body["made_sla"] = made_sla
        yield Item(at_ms + rng.randint(20, 200), "tickets", body)
        # a gap of more than the posting delay keeps the revisions of a ticket in order
        at_ms += 200 + int(rng.expovariate(1 / scenario.ticket_step_ms))


def _kinds(rng: random.Random) -> list[str]:
    kinds = ["opened", "assigned"]
    while rng.random() < BOUNCED_RATIO:
        kinds.append("assigned")
    kinds.append("resolved")
    while rng.random() < REOPENED_RATIO:
        kinds += ["reopened", "assigned", "resolved"]
    return [*kinds, "closed"]
