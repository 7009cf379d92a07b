"""Which faults a run plays and when: a function of the seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.faults import FAULTS

ONCE = ("away",)
"""Classes that take so long that a run plays them once at most."""
PAUSE_S = (0.5, 6.0)


@dataclass(frozen=True, slots=True)
class Act:
    """One fault.

    Attributes:
        seed: Of what it draws.
        pause_s: Time before the next one begins; they overlap.
    """

    fault: str
    seed: str
    pause_s: float


def plan(seed: int, classes: Sequence[str], faults: int) -> list[Act]:
    """Return the acts of a run: each class once, as far as there is room, and others on top, in any order.

    Args:
        seed: The same seed, the same plan.
        classes: Names in `FAULTS`.
        faults: How many; 1 or more.
    """
    rng = random.Random(f"{seed}/plan")
    wanted = rng.sample(list(classes), len(classes))[:faults]
    often = [name for name in classes if name not in ONCE] or list(classes)
    wanted += rng.choices(often, k=faults - len(wanted))
    rng.shuffle(wanted)
    return [Act(name, f"{seed}/{number}/{name}", rng.uniform(*PAUSE_S)) for number, name in enumerate(wanted)]


def classes_for(*, keeps_its_log: bool, has_control: bool, has_small_disk: bool) -> list[str]:
    """Return the classes that can be made with what a run has."""
    without = {"broker_kill": keeps_its_log, "control_kill": has_control, "disk_full": has_small_disk}
    return [name for name in FAULTS if without.get(name, True)]
