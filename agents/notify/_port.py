"""What a notifier is, what it is told, and what it is built from."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TextIO, runtime_checkable

from streams.errors import DeliveryError
from streams.events.judging import Alert, AlertKind

ATTEMPT_S = 5.0
"""Longest time for one attempt, connecting and answering together; seconds."""
REPOST_S = 60.0
"""How often a receiver that forgets is told again what fires; seconds."""
NAMES: Mapping[AlertKind, str] = {
    "drift": "ExperienceDrift",
    "absence": "ExperienceDataMissing",
    "slow_burn": "ExperienceSlowBurn",
    "shift": "ExperienceShift",
    "watermelon": "ExperienceWatermelon",
    "stall": "XpulseStalled",
}
"""Kind of an alert -> its name, for routes."""
TEST = "XpulseTest"
"""Name of an alert that somebody sent to try a route."""

Hours = Literal["working", "any"]
"""When somebody should be called: what people answered can wait for the morning, what machines measure cannot."""


@dataclass(frozen=True, kw_only=True)
class NotifyConfig:
    """Settings of all notifiers.

    Attributes:
        webhook_url: http or https address; may hold a secret. Empty = no webhook.
        webhook_may_be_local: Allow a webhook on this machine (loopback).
        webhook_secret_file: File of the secrets that sign the webhook's bodies; empty = not signed.
        alertmanager_url: Base address of an Alertmanager, or of several with commas; may hold a password. Empty = none.
        installation: Name of this installation, in its sign of life.
        repost_s: How often Alertmanager is told again what fires; seconds.
        log_stream: Where the log notifier writes.
    """

    webhook_url: str = field(default="", repr=False)
    webhook_may_be_local: bool = False
    webhook_secret_file: str = ""
    alertmanager_url: str = field(default="", repr=False)
    installation: str = "xpulse"
    repost_s: float = REPOST_S
    log_stream: TextIO = field(default_factory=lambda: sys.stdout)


@dataclass(frozen=True, slots=True)
class Duty:
    """Whom an alert may call, and when, as its target says.

    Attributes:
        hours: When.
        routes: Names of receivers, beyond those that hear of everything.
    """

    hours: Hours = "any"
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """One state of one alert, and what a receiver should know beside it.

    Attributes:
        duty: When to call whom.
        is_test: Somebody tries a route; nothing is wrong.
    """

    alert: Alert
    duty: Duty = Duty()
    is_test: bool = False

    @property
    def name(self) -> str:
        """What routes and people call it."""
        return TEST if self.is_test else NAMES[self.alert.kind]

    @property
    def hours(self) -> Hours:
        """When it may call. A shift breaks no promise: it can always wait for the morning."""
        return "working" if self.alert.kind == "shift" else self.duty.hours

    @property
    def is_firing(self) -> bool:
        """Whether the alert has not ended."""
        return self.alert.state != "resolved"


class Busy(DeliveryError):
    """A receiver that said when to come back.

    Attributes:
        retry_after_s: Seconds to wait before another try.
    """

    def __init__(self, reason: str, *, retry_after_s: float) -> None:
        super().__init__(reason, is_retryable=True)
        self.retry_after_s = retry_after_s


class Notifier(Protocol):
    """Takes one state of one alert to one receiver. Callers may not assume that a failure means it did not arrive."""

    async def send(self, notice: Notice) -> None:
        """Send once; returns when the receiver has taken it.

        Raises:
            DeliveryError: It was not taken; says whether another attempt may help. Its reason holds no secret.
        """

    async def close(self) -> None:
        """Let go of connections."""


@runtime_checkable
class Keeper(Notifier, Protocol):
    """A notifier whose receiver forgets what it is not told again.

    Attributes:
        keep_s: How often to tell it again; seconds.
    """

    keep_s: float

    async def keep(self, notices: Sequence[Notice]) -> None:
        """Tell the receiver once more what fires and what has just ended.

        Raises:
            DeliveryError: Some of it was not taken; the next time all of it is told again.
        """

    async def beat(self) -> None:
        """Give a sign of life, which ends by itself.

        Raises:
            DeliveryError: It was not taken.
        """


BuildNotifier = Callable[[NotifyConfig], Notifier | None]
"""Builds a notifier; None if it is not configured. Raises `ConfigError` if it is configured wrongly."""
