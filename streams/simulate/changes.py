"""Rollouts: the planted ones, and harmless ones that an alert must not blame."""

from __future__ import annotations

import random
from collections.abc import Iterator
from heapq import merge
from itertools import count
from operator import attrgetter

from streams.simulate.agenda import Body, Item
from streams.simulate.organisation import Organisation
from streams.simulate.scenario import Scenario
from streams.simulate.troubles import Notice
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
    announced = (_announcement(scenario.tenant, notice, start_ms) for notice in _by_time(scenario))
    yield from merge(_deployments(scenario, organisation, rng, start_ms), announced, key=attrgetter("at_ms"))


def _by_time(scenario: Scenario) -> list[Notice]:
    return sorted(scenario.notices, key=attrgetter("at_s", "name"))


def _deployments(scenario: Scenario, organisation: Organisation, rng: random.Random, start_ms: int) -> Iterator[Item]:
    deployments = merge(_planted(scenario, start_ms), _harmless(scenario, organisation, rng, start_ms))
    names = {rollout.application: rollout.name for rollout in scenario.rollouts if rollout.name}
    for number, (at_ms, application) in zip(count(1), deployments, strict=False):
        name = names.get(application, str(number))
        yield _deployment(scenario.tenant, name, at_ms, application, organisation.applications[application])


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


def _announcement(tenant: str, notice: Notice, start_ms: int) -> Item:
    name, at_ms = notice.change_id(tenant), after(start_ms, notice.at_s)
    body: Body = {
        "event_id": f"{name}/1", "tenant": tenant, "source": SOURCE, "event_time_ms": at_ms, "revision": 1,
        "change_id": name, "kind": notice.kind, **notice.where, "title": f"{notice.kind} {notice.name}",
    }  # fmt: skip
    return Item(at_ms + POSTING_MS, "changes", body)


def _deployment(tenant: str, number: str, at_ms: int, application: str, service: str) -> Item:
    name = f"{tenant}/change/{number}"
    body: Body = {
        "event_id": f"{name}/1", "tenant": tenant, "source": SOURCE, "event_time_ms": at_ms, "revision": 1,
        "change_id": name, "kind": "deploy", "application": application, "service": service,
        "title": f"new version of {application}",
    }  # fmt: skip
    return Item(at_ms + POSTING_MS, "changes", body)
