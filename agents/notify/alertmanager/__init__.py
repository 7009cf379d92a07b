"""The Alertmanager notifier: alerts posted to `/api/v2/alerts`, again and again while they fire."""

from agents.notify._port import NotifyConfig
from agents.notify._post import Poster
from agents.notify.alertmanager.cluster import Cluster
from agents.notify.alertmanager.sender import AlertmanagerNotifier

SETTING = "XPULSE_ALERTMANAGER_URL"
PATH = "/api/v2/alerts"


def build(config: NotifyConfig) -> AlertmanagerNotifier | None:
    """Return the notifier; None without an address.

    An Alertmanager is a part of one's own installation, so it may be on this machine.

    Raises:
        ConfigError: An address is not one that may be called.
    """
    if not config.alertmanager_url:
        return None
    members = [_member(base.strip()) for base in config.alertmanager_url.split(",")]
    return AlertmanagerNotifier(Cluster(members), installation=config.installation, keep_s=config.repost_s)


def _member(base: str) -> Poster:
    return Poster(base.rstrip("/") + PATH, name="alertmanager", setting=SETTING, may_be_local=True)
