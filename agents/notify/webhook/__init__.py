"""The webhook notifier: Alertmanager's webhook body, posted to one address."""

from agents.notify._port import NotifyConfig
from agents.notify.webhook.sender import WebhookNotifier


def build(config: NotifyConfig) -> WebhookNotifier | None:
    """Return the notifier; None without an address.

    Raises:
        ConfigError: The address is not one that may be called.
    """
    if not config.webhook_url:
        return None
    return WebhookNotifier(config.webhook_url, may_be_local=config.webhook_may_be_local)
