"""Rollouts: the planted ones, and harmless ones that an alert must not blame."""

from __future__ import annotations

import random
from collections.abc import Iterator
from heapq import merge
from itertools import count

from streams.simulate.agenda import Body, Item
from streams.simulate.organisation import Organisation
from streams.simulate.scenario import Scenario
from streams.simulate.truths import after

SOURCE = "release-calendar"
POSTING_MS = 50


def changes(scenario: Scenario, organisation: Organisation, rng: random.Random, start_ms: int) -> Iterator[Item]:
    """Yield deployments in time order.

    Args:
        scenario: Planted rollouts and the pace of harmless ones.
        organisation: Its applications.
        rng: Owned by this source.
        start_ms: Nothing happens before; ms UTC.
    """
    deployments = merge(_planted(scenario, start_ms), _harmless(scenario, organisation, rng, start_ms))
    for number, (at_ms, application) in zip(count(1), deployments, strict=False):
        yield _deployment(scenario.tenant, number, at_ms, application, organisation.applications[application])


def _planted(scenario: Scenario, start_ms: int) -> list[tuple[int, str]]:
    return sorted(
        (max(start_ms, after(start_ms, rollout.at_s - rollout.lead_s)), rollout.application)
        for rollout in scenario.rollouts
        if after(start_ms, rollout.at_s) < after(start_ms, float("inf"))
    )


def _harmless(
    scenario: Scenario, organisation: Organisation, rng: random.Random, start_ms: int
) -> Iterator[tuple[int, str]]:
    if not scenario.change_every_s:
        return
    planted = {rollout.application for rollout in scenario.rollouts}
    others = [application for application in organisation.applications if application not in planted]
    at = float(start_ms)
    while others:
        at += rng.expovariate(1 / (scenario.change_every_s * 1000))
        yield int(at), rng.choice(others)


def _deployment(tenant: str, number: int, at_ms: int, application: str, service: str) -> Item:
    name = f"{tenant}/change/{number}"
    body: Body = {
        "event_id": f"{name}/1", "tenant": tenant, "source": SOURCE, "event_time_ms": at_ms, "revision": 1,
        "change_id": name, "kind": "deploy", "application": application, "service": service,
        "title": f"new version of {application}",
    }  # fmt: skip
    return Item(at_ms + POSTING_MS, "changes", body)
