"""The Alertmanager notifier: alerts posted to `/api/v2/alerts`, again and again while they fire."""

from agents.notify._port import NotifyConfig
from agents.notify._post import Poster
from agents.notify.alertmanager.sender import AlertmanagerNotifier

SETTING = "XPULSE_ALERTMANAGER_URL"
PATH = "/api/v2/alerts"


def build(config: NotifyConfig) -> AlertmanagerNotifier | None:
    """Return the notifier; None without an address.

    An Alertmanager is a part of one's own installation, so it may be on this machine.

    Raises:
        ConfigError: The address is not one that may be called.
    """
    if not config.alertmanager_url:
        return None
    url = config.alertmanager_url.rstrip("/") + PATH
    poster = Poster(url, name="alertmanager", setting=SETTING, may_be_local=True)
    return AlertmanagerNotifier(poster, installation=config.installation, keep_s=config.repost_s)
