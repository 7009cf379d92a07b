"""A scenario: an organisation's size, the volume of its events, what is planted and what disturbs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from streams.errors import ConfigError
from streams.simulate.organisation import DEMO, DESIGN, Organisation, Size, build_organisation
from streams.simulate.rhythm import Rhythm
from streams.simulate.troubles import Flapping, Notice, Silence
from streams.simulate.truths import (
    NEVER_S,
    BadWindow,
    Burst,
    CrashingRollout,
    Disorder,
    HappinessDrop,
    MixShift,
    SecondThoughts,
    Truth,
)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Everything but the seed and the start.

    Attributes:
        answers_per_s: Final answers, first revisions only; mean over a day.
        focus: (country, service) that gets `focus_ratio` of all answers; the other slices share the rest.
        answer_delay_ms: Longest time from an invitation to its answer.
        telemetry_per_s: Readings; mean over a day.
        tickets_per_s: New tickets; each goes through five and more events.
        ticket_step_ms: Mean time between two events of a ticket.
        change_every_s: Mean time between two harmless rollouts; 0 = none.
        window_ms: Base window of telemetry, to which a bad window is aligned.
        made_sla_ratio: Tickets within the agreed time, 0 to 1, whatever people think of it.
        channel_offset: Channel -> points above the slice's score; None = the usual ones (`streams.simulate.opinions`).
        world: Seed of the organisation and of how people usually feel, for several days in one of them; None = the
            simulation's own seed.
    """

    tenant: str
    size: Size
    rhythm: Rhythm
    answers_per_s: float
    focus: tuple[str, str]
    focus_ratio: float
    answer_delay_ms: int
    telemetry_per_s: float
    tickets_per_s: float
    ticket_step_ms: int
    change_every_s: float
    window_ms: int
    drops: tuple[HappinessDrop, ...] = ()
    rollouts: tuple[CrashingRollout, ...] = ()
    mix_shifts: tuple[MixShift, ...] = ()
    bad_windows: tuple[BadWindow, ...] = ()
    bursts: tuple[Burst, ...] = ()
    silences: tuple[Silence, ...] = ()
    flappings: tuple[Flapping, ...] = ()
    notices: tuple[Notice, ...] = ()
    disorder: Disorder = field(default_factory=Disorder)
    second_thoughts: SecondThoughts = field(default_factory=SecondThoughts)
    made_sla_ratio: float = 0.95
    channel_offset: Mapping[str, float] | None = None
    world: int | None = None

    def __post_init__(self) -> None:
        for key in ("answers_per_s", "telemetry_per_s", "tickets_per_s", "change_every_s"):
            if getattr(self, key) < 0:
                raise ConfigError(f"scenario: {key} is {getattr(self, key)}, allowed: 0 and more")
        if not 0 <= self.focus_ratio < 1:
            raise ConfigError(f"scenario: focus_ratio is {self.focus_ratio}, allowed: 0 to below 1")

    def organisation(self, seed: int) -> Organisation:
        """Return the organisation that this scenario happens in; same seed as for the timeline."""
        return build_organisation(self.tenant, self.size, self.world_seed(seed))

    def world_seed(self, seed: int) -> int:
        """Return the seed of what stays the same from day to day."""
        return seed if self.world is None else self.world

    def truths(self, start_ms: int) -> tuple[Truth, ...]:
        """Return what must and may alert in a simulation that starts at `start_ms`; ms UTC."""
        plants: tuple[HappinessDrop | CrashingRollout, ...] = (*self.drops, *self.rollouts)
        return tuple(plant.truth(start_ms) for plant in plants)

    def without_plants(self) -> Scenario:
        """Return the same scenario in which nothing planted ever begins; the decoys stay."""
        return replace(
            self,
            drops=tuple(replace(drop, at_s=NEVER_S) for drop in self.drops),
            rollouts=tuple(replace(rollout, at_s=NEVER_S) for rollout in self.rollouts),
        )

    def without_decoys(self) -> Scenario:
        """Return the same scenario without mix shifts, bad windows and bursts; the plants stay."""
        return replace(self, mix_shifts=(), bad_windows=(), bursts=())


def demo(tenant: str) -> Scenario:
    """Return what `xpulse demo` plays: about 900 events a second, two planted truths, three decoys."""
    return Scenario(
        tenant=tenant,
        size=DEMO,
        rhythm=Rhythm(day_ms=120_000, swing=0.1),
        answers_per_s=30.0,
        focus=("NO", "mail"),
        focus_ratio=0.3,
        answer_delay_ms=3_000,
        telemetry_per_s=770.0,
        tickets_per_s=2.0,
        ticket_step_ms=8_000,
        change_every_s=20.0,
        window_ms=5_000,
        drops=(HappinessDrop(country="NO", service="mail", at_s=25.0),),
        rollouts=(CrashingRollout(application="crm", at_s=30.0),),
        mix_shifts=(MixShift(country="DE", at_s=20.0, mix={"portal": 0.15, "chat": 0.25, "phone": 0.6}),),
        bad_windows=(BadWindow(application="office", at_s=40.0),),
        bursts=(Burst(at_s=35.0),),
    )


def design(tenant: str) -> Scenario:
    """Return an ordinary working life at the design size; nothing is planted. Change it with `dataclasses.replace`."""
    return Scenario(
        tenant=tenant,
        size=DESIGN,
        rhythm=Rhythm(swing=0.95),
        answers_per_s=2_000 / 86_400,
        focus=("NO", "mail"),
        focus_ratio=0.05,
        answer_delay_ms=2 * 3_600_000,
        telemetry_per_s=500.0,
        tickets_per_s=1_500 / 86_400,
        ticket_step_ms=2 * 3_600_000,
        change_every_s=8 * 3_600.0,
        window_ms=60_000,
        disorder=Disorder(disordered_ms=(300, 60_000), late_ms=(420_000, 3_600_000), late_ratio=0.001),
        second_thoughts=SecondThoughts(within_ms=3_600_000),
    )
