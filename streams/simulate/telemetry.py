"""Readings of devices: response times, crashes, boot times and processor load, a few of them out of order or late."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count

from streams.simulate.agenda import Body, Item, in_order
from streams.simulate.names import BOOT_TIME, CPU_UTILIZATION, CRASH, RESPONSE_GOOD_MS, RESPONSE_TIME
from streams.simulate.organisation import Device, Organisation
from streams.simulate.rhythm import candidates
from streams.simulate.scenario import Scenario
from streams.simulate.truths import Disorder, after

SOURCE = "endpoint-agent"
HEALTHY_GOOD_RATIO = 0.985
RESPONSE_RATIO, CPU_RATIO, BOOT_RATIO = 0.74, 0.2, 0.04
"""Shares of the metrics among readings; the rest are crashes that happen anyway."""
COVERS_MS = (5_000, 10_000, 10_000, 15_000)
"""Use time that one response reading stands for."""
CRASH_PER_BAD_READING = 0.5
"""How many of the bad readings of a crashing application are reported as a crash, too."""


class Condition:
    """Share of good time per application over time.

    Args:
        scenario: What is planted, and the decoy windows.
        start_ms: What the scenario's times count from; ms UTC.
    """

    def __init__(self, scenario: Scenario, start_ms: int) -> None:
        self._spells: dict[str, list[tuple[int, int, float]]] = {}
        self._crashing = {rollout.application for rollout in scenario.rollouts}
        for rollout in scenario.rollouts:
            begin, end = after(start_ms, rollout.at_s), after(start_ms, rollout.until_s)
            self._spells.setdefault(rollout.application, []).append((begin, end, rollout.good_ratio))
        for flapping in scenario.flappings:
            spells = ((after(start_ms, a), after(start_ms, b), flapping.good_ratio) for a, b in flapping.spells())
            self._spells.setdefault(flapping.application, []).extend(spells)
        self._silences = [
            (s.application, after(start_ms, s.at_s), after(start_ms, s.until_s)) for s in scenario.silences
        ]
        for bad in scenario.bad_windows:
            begin = -(-after(start_ms, bad.at_s) // scenario.window_ms) * scenario.window_ms
            spell = (begin, begin + scenario.window_ms, bad.good_ratio)
            self._spells.setdefault(bad.application, []).append(spell)

    def good_ratio(self, application: str, at_ms: int) -> float:
        """Return the chance that a response at this instant is good, 0 to 1."""
        for begin, end, ratio in self._spells.get(application, ()):
            if begin <= at_ms < end:
                return ratio
        return HEALTHY_GOOD_RATIO

    def is_silent(self, application: str, at_ms: int) -> bool:
        """Tell whether nothing reports of an application now."""
        return any(name == application and begin <= at_ms < end for name, begin, end in self._silences)

    def is_crashing(self, application: str, at_ms: int) -> bool:
        """Tell whether bad responses come with crashes now."""
        return application in self._crashing and self.good_ratio(application, at_ms) < HEALTHY_GOOD_RATIO


def telemetry(scenario: Scenario, organisation: Organisation, rng: random.Random, start_ms: int) -> Iterator[Item]:
    """Yield readings by the time of their sending, for ever.

    Args:
        scenario: Volume and disturbances.
        organisation: Its devices.
        rng: Owned by this source.
        start_ms: Nothing happens before; ms UTC.
    """
    return in_order(_steps(scenario, organisation, rng, start_ms))


def _steps(
    scenario: Scenario, organisation: Organisation, rng: random.Random, start_ms: int
) -> Iterator[tuple[int, list[Item]]]:
    agent = _Agent(scenario, rng, start_ms)
    devices, draw = organisation.devices, rng.random
    for at_ms in candidates(rng, scenario.telemetry_per_s, scenario.rhythm, start_ms):
        device = devices[int(draw() * len(devices))]
        if scenario.rhythm.is_active(rng, at_ms, device.country):
            yield at_ms, agent.observe(device, at_ms)


class _Agent:
    """Measures one thing at a time on a device."""

    def __init__(self, scenario: Scenario, rng: random.Random, start_ms: int) -> None:
        self._tenant, self._disorder, self._rng = scenario.tenant, scenario.disorder, rng
        self._condition = Condition(scenario, start_ms)
        self._numbers = count(1)

    def observe(self, device: Device, at_ms: int) -> list[Item]:
        luck = self._rng.random()
        if luck < RESPONSE_RATIO:
            return self._use(device, at_ms)
        if luck < RESPONSE_RATIO + CPU_RATIO:
            return [self._reading(device, at_ms, CPU_UTILIZATION, round(self._rng.betavariate(2, 5), 4))]
        if luck < RESPONSE_RATIO + CPU_RATIO + BOOT_RATIO:
            return [self._reading(device, at_ms, BOOT_TIME, round(self._rng.lognormvariate(3.5, 0.4), 3))]
        application = self._application(device)
        return [] if self._condition.is_silent(application, at_ms) else [self._crash(device, at_ms, application)]

    def _use(self, device: Device, at_ms: int) -> list[Item]:
        """Somebody uses an application; if it hangs and crashes, a crash is reported beside the response time."""
        rng, application = self._rng, self._application(device)
        if self._condition.is_silent(application, at_ms):
            return []
        is_good = rng.random() < self._condition.good_ratio(application, at_ms)
        reading = self._reading(device, at_ms, RESPONSE_TIME, _response_ms(rng, is_good))
        reading.body["application"] = application
        reading.body["covers_ms"] = COVERS_MS[int(rng.random() * len(COVERS_MS))]
        crashes = not is_good and self._condition.is_crashing(application, at_ms)
        if crashes and rng.random() < CRASH_PER_BAD_READING:
            return [reading, self._crash(device, at_ms, application)]
        return [reading]

    def _crash(self, device: Device, at_ms: int, application: str) -> Item:
        reading = self._reading(device, at_ms, CRASH, 1)
        reading.body["application"] = application
        return reading

    def _application(self, device: Device) -> str:
        return device.applications[int(self._rng.random() * len(device.applications))]

    def _reading(self, device: Device, at_ms: int, metric: str, value: float) -> Item:
        body: Body = {
            "event_id": f"{self._tenant}/reading/{next(self._numbers)}", "tenant": self._tenant, "source": SOURCE,
            "event_time_ms": at_ms, "device": device.id, "metric": metric, "value": value,
        }  # fmt: skip
        if device.owner:
            body["person"] = device.owner
        return Item(at_ms + _delay_ms(self._rng, self._disorder), "telemetry", body)


def _response_ms(rng: random.Random, is_good: bool) -> float:
    if is_good:
        return round(min(rng.lognormvariate(5.8, 0.45), 0.9 * RESPONSE_GOOD_MS), 1)
    return round(rng.uniform(2.5, 10.0) * RESPONSE_GOOD_MS, 1)


def _delay_ms(rng: random.Random, disorder: Disorder) -> int:
    """From an event to its sending: usually short, sometimes out of order, rarely too late for its window."""
    luck = rng.random()
    low, high = disorder.usual_ms
    if luck < disorder.late_ratio:
        low, high = disorder.late_ms
    elif luck < disorder.late_ratio + disorder.disordered_ratio:
        low, high = disorder.disordered_ms
    return int(low + rng.random() * (high - low))
