"""The webhook notifier: Alertmanager's webhook body, signed, posted to one address."""

from pathlib import Path

from agents.notify._port import NotifyConfig
from agents.notify._post import Poster
from agents.notify.webhook.sender import WebhookNotifier
from agents.notify.webhook.signature import keys_of
from streams.errors import ConfigError

SETTING = "XPULSE_WEBHOOK_URL"
SECRET_SETTING = "XPULSE_WEBHOOK_SECRET_FILE"  # noqa: S105 - the name of a setting


def build(config: NotifyConfig) -> WebhookNotifier | None:
    """Return the notifier; None without an address.

    Raises:
        ConfigError: The address is not one that may be called, or the file holds no secret.
    """
    if not config.webhook_url:
        return None
    keys = _keys(config.webhook_secret_file)
    poster = Poster(config.webhook_url, name="webhook", setting=SETTING, may_be_local=config.webhook_may_be_local)
    return WebhookNotifier(poster, keys)


def _keys(file: str) -> tuple[bytes, ...]:
    if not file:
        return ()
    try:
        return keys_of(Path(file).read_text(), source=f"{SECRET_SETTING} ({file})")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{SECRET_SETTING}: cannot be read: {type(error).__name__}: {file}") from None
