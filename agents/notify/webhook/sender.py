"""Posts each state of an alert to one HTTP address, signed if there is a secret."""

import time
from collections.abc import Sequence

import orjson

from agents.notify._port import Notice
from agents.notify._post import Poster
from agents.notify.webhook.body import body_of
from agents.notify.webhook.signature import headers_of, message_id


class WebhookNotifier:
    """Posts to one address.

    Args:
        poster: Knows the address.
        keys: Sign the bodies; none = no signature.
    """

    def __init__(self, poster: Poster, keys: Sequence[bytes] = ()) -> None:
        self._poster = poster
        self._keys = keys

    async def send(self, notice: Notice) -> None:
        """Post one state of an alert.

        Raises:
            DeliveryError: It was not taken; says whether another attempt may help.
        """
        body = orjson.dumps(body_of(notice))
        await self._poster.post(body, headers_of(self._keys, message_id(notice), body, int(time.time())))

    async def close(self) -> None:
        """Close connections."""
        await self._poster.close()
