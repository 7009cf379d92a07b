"""Invitations and the answers that follow them, with second thoughts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, count

from streams.simulate.agenda import Body, Item, in_order
from streams.simulate.names import BAD_FACTORS, GOOD_FACTORS, TOUCHPOINTS
from streams.simulate.opinions import Opinions, draw_lost_minutes, draw_score
from streams.simulate.organisation import Organisation, Person
from streams.simulate.rhythm import candidates
from streams.simulate.rota import Rota
from streams.simulate.scenario import Scenario

SOURCE = "pulse-survey"
POSTING_MS = (20, 200)
"""From an event to its sending."""
EXPIRES_AFTER = 3
"""An invitation without an answer expires after this many times the longest answer delay."""
DISMISSED_RATIO = 0.5
"""Of those who do not answer; the others let the invitation expire."""


def feedback(
    scenario: Scenario, organisation: Organisation, opinions: Opinions, rng: random.Random, start_ms: int
) -> Iterator[Item]:
    """Yield invitations, their outcomes and answers in time order, for ever.

    Args:
        scenario: Volume and disturbances.
        organisation: Whom to ask.
        opinions: What they think.
        rng: Owned by this source.
        start_ms: Nothing happens before; ms UTC.
    """
    return in_order(_steps(_Survey(scenario, organisation, opinions, rng), organisation, start_ms))


def _steps(survey: _Survey, organisation: Organisation, start_ms: int) -> Iterator[tuple[int, list[Item]]]:
    scenario, rng = survey.scenario, survey.rng
    propensity = sum(person.propensity for person in organisation.people) / len(organisation.people)
    slices, weights = _slices(scenario, organisation)
    for at_ms in candidates(rng, scenario.answers_per_s / propensity, scenario.rhythm, start_ms):
        country, service = rng.choices(slices, cum_weights=weights)[0]
        if scenario.rhythm.is_active(rng, at_ms, country):
            yield at_ms, list(survey.ask(country, service, at_ms))


def _slices(scenario: Scenario, organisation: Organisation) -> tuple[list[tuple[str, str]], list[float]]:
    """All (country, service) and their cumulated shares of the answers."""
    slices = [(country, service) for country in organisation.countries for service in organisation.services]
    usual = (1 - scenario.focus_ratio) / max(1, len(slices) - 1)
    return slices, list(accumulate(scenario.focus_ratio if s == scenario.focus else usual for s in slices))


@dataclass(frozen=True)
class _Question:
    """One invitation: what its events have in common."""

    number: int
    person: Person
    service: str
    channel: str
    touchpoint: str

    def dimensions(self) -> Body:
        return {
            "person": self.person.id, "service": self.service, "channel": self.channel,
            "assignment_group": f"{self.service}-{self.channel}", "touchpoint": self.touchpoint,
        }  # fmt: skip


class _Survey:
    """Asks people and plays what they do about it."""

    def __init__(self, scenario: Scenario, organisation: Organisation, opinions: Opinions, rng: random.Random) -> None:
        self.scenario, self.rng = scenario, rng
        self._opinions = opinions
        people = {
            country: [p for p in organisation.people if p.country == country] for country in organisation.countries
        }
        self._rotas = {country: Rota(group) for country, group in people.items()}
        self._numbers = count(1)

    def ask(self, country: str, service: str, at_ms: int) -> Iterator[Item]:
        """Invite the next person of a country; yield everything that comes of it."""
        rng = self.rng
        mix = self._opinions.mix(country, at_ms)
        channel = rng.choices(tuple(mix), tuple(mix.values()))[0]
        person = self._rotas[country].next(rng)
        question = _Question(next(self._numbers), person, service, channel, rng.choice(TOUCHPOINTS[channel]))
        yield self._invitation(question, at_ms, 1, "pending")
        if rng.random() < person.propensity:
            answered_ms = at_ms + 1 + int(rng.random() * self.scenario.answer_delay_ms)
            yield from self._answer(question, answered_ms)
            yield self._invitation(question, answered_ms, 2, "answered")
        elif rng.random() < DISMISSED_RATIO:
            yield self._invitation(
                question, at_ms + 1 + int(rng.random() * self.scenario.answer_delay_ms), 2, "dismissed"
            )
        else:
            yield self._invitation(question, at_ms + EXPIRES_AFTER * self.scenario.answer_delay_ms, 2, "expired")

    def _invitation(self, question: _Question, at_ms: int, revision: int, outcome: str) -> Item:
        name = f"{self.scenario.tenant}/invitation/{question.number}"
        body: Body = {
            "event_id": f"{name}/{revision}", "tenant": self.scenario.tenant, "source": SOURCE, "event_time_ms": at_ms,
            "revision": revision, "invitation_id": name, "outcome": outcome, "reason": "sample",
            **question.dimensions(),
        }  # fmt: skip
        return Item(self._posted(at_ms), "invitations", body)

    def _answer(self, question: _Question, at_ms: int) -> Iterator[Item]:
        """All revisions of an answer: each state that the respondent's form goes through."""
        posted_ms = self._posted(at_ms)
        for revision, state in enumerate(self._states(), start=1):
            yield Item(posted_ms, "feedback", self._revision(question, at_ms, revision, state))
            posted_ms += 1 + int(self.rng.random() * self.scenario.second_thoughts.within_ms)

    def _states(self) -> list[str]:
        rng, odds = self.rng, self.scenario.second_thoughts
        states = ["partial", "final"] if rng.random() < odds.partial_ratio else ["final"]
        if rng.random() < odds.corrected_ratio:
            states.append("final")
        if rng.random() < odds.retracted_ratio:
            states.append("retracted")
        return states

    def _revision(self, question: _Question, at_ms: int, revision: int, state: str) -> Body:
        rng, tenant = self.rng, self.scenario.tenant
        name = f"{tenant}/answer/{question.number}"
        body: Body = {
            "event_id": f"{name}/{revision}", "tenant": tenant, "source": SOURCE, "event_time_ms": at_ms,
            "revision": revision, "response_id": name, "state": state,
            "invitation_id": f"{tenant}/invitation/{question.number}", **question.dimensions(),
        }  # fmt: skip
        if state != "retracted":
            country = question.person.country
            score = draw_score(rng, self._opinions.happiness(country, question.service, question.channel, at_ms))
            body["score"] = score
            body["factors"] = [rng.choice(BAD_FACTORS if score <= 6 else GOOD_FACTORS)]
            lost = draw_lost_minutes(rng, score)
            if lost is not None:
                body["lost_minutes"] = lost
        return body

    def _posted(self, at_ms: int) -> int:
        return at_ms + self.rng.randint(*POSTING_MS)
