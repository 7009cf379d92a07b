"""What a notifier is, and what it is built from."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from streams.events.judging import Alert

ATTEMPT_S = 5.0
"""Longest time for one attempt, connecting and answering together; seconds."""


@dataclass(frozen=True, kw_only=True)
class NotifyConfig:
    """Settings of all notifiers.

    Attributes:
        webhook_url: http or https address; may hold a secret. Empty = no webhook.
        webhook_may_be_local: Allow a webhook on this machine (loopback).
        log_stream: Where the log notifier writes.
    """

    webhook_url: str = field(default="", repr=False)
    webhook_may_be_local: bool = False
    log_stream: TextIO = field(default_factory=lambda: sys.stdout)


class Notifier(Protocol):
    """Takes one state of one alert to one receiver. Callers may not assume that a failure means it did not arrive."""

    async def send(self, alert: Alert) -> None:
        """Send once; returns when the receiver has taken it.

        Raises:
            DeliveryError: It was not taken; says whether another attempt may help. Its reason holds no secret.
        """

    async def close(self) -> None:
        """Let go of connections."""


BuildNotifier = Callable[[NotifyConfig], Notifier | None]
"""Builds a notifier; None if it is not configured. Raises `ConfigError` if it is configured wrongly."""
