"""What the supervisor knows of one part, and how patient it is with it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agents.local.part import Part
from agents.local.process import PartProcess

State = Literal["waiting", "starting", "ready", "stopping", "down"]


@dataclass(frozen=True, kw_only=True)
class Patience:
    """When to try again and when to give up.

    Attributes:
        first_wait_s: Wait before the first restart; doubles with every further failure in a row.
        longest_wait_s: Longest wait.
        failures: Failures in a row after which a part is given up.
        stable_after_s: Time of answering after which a failure counts as the first again.
    """

    first_wait_s: float = 0.5
    longest_wait_s: float = 10.0
    failures: int = 8
    stable_after_s: float = 30.0


class Runner:
    """A part with its process and what is known of it; used by the supervisor's thread only."""

    def __init__(self, part: Part, log: Path) -> None:
        self.part = part
        self.log = log
        self.state: State = "waiting"
        self.process: PartProcess | None = None
        self.due_s = 0.0
        self.ready_at_s = 0.0
        self.failures = 0
        self.starts = 0
        self.has_been_ready = False
        self.restarts_dependants = False

    def is_stable(self, now_s: float, patience: Patience) -> bool:
        return self.state == "ready" and now_s - self.ready_at_s >= patience.stable_after_s
