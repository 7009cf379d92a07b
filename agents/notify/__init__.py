"""Notifiers: one folder each, one line in `NOTIFIERS`."""

from collections.abc import Mapping

from agents.notify import alertmanager, log, webhook
from agents.notify._port import BuildNotifier, Busy, Duty, Hours, Keeper, Notice, Notifier, NotifyConfig

NOTIFIERS: Mapping[str, BuildNotifier] = {
    "log": log.build,
    "webhook": webhook.build,
    "alertmanager": alertmanager.build,
}
"""Name (as in `deliveries`) -> how to build it."""

RECORDING = frozenset({"log"})
"""Notifiers that call nobody: they are told what others are spared."""


def build_notifiers(config: NotifyConfig) -> dict[str, Notifier]:
    """Return the notifiers that are configured, by name.

    Raises:
        ConfigError: One is configured wrongly.
    """
    built = {name: build(config) for name, build in NOTIFIERS.items()}
    return {name: notifier for name, notifier in built.items() if notifier is not None}


__all__ = [
    "NOTIFIERS",
    "RECORDING",
    "BuildNotifier",
    "Busy",
    "Duty",
    "Hours",
    "Keeper",
    "Notice",
    "Notifier",
    "NotifyConfig",
    "build_notifiers",
]
