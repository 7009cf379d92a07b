"""From the settings of a process to the configuration of its notifiers."""

from agents.notify import NotifyConfig
from agents.settings import Settings


def notify_config(settings: Settings) -> NotifyConfig:
    """Return what the settings say about notifiers."""
    return NotifyConfig(
        webhook_url=settings.webhook_url,
        webhook_may_be_local=settings.webhook_may_be_local == "yes",
        webhook_secret_file=settings.webhook_secret_file,
        alertmanager_url=settings.alertmanager_url,
        installation=settings.group_prefix,
    )
