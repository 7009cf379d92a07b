"""Posts alerts to an HTTP address: one attempt per call, bounded in time, answers judged by the table of statuses.

The address may hold a secret, so it appears in no error and no log; its host does. Redirects are not followed, proxies
of the environment not used, and the answer's body not read.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

import httpx
import orjson

from agents.notify._port import ATTEMPT_S
from agents.notify._statuses import meaning_of
from agents.notify.webhook.body import body_of
from streams.errors import ConfigError, DeliveryError
from streams.events.judging import Alert

SETTING = "XPULSE_WEBHOOK_URL"


class WebhookNotifier:
    """Posts to one address.

    Args:
        url: http or https address.
        may_be_local: Allow an address on this machine.
        attempt_s: Longest time for one attempt; seconds.

    Raises:
        ConfigError: The address is not one that may be called.
    """

    def __init__(self, url: str, *, may_be_local: bool, attempt_s: float = ATTEMPT_S) -> None:
        self._url = url
        self._may_be_local = may_be_local
        self._attempt_s = attempt_s
        self._host, self._port = _address(url)
        if not may_be_local and self._host.rstrip(".").lower() in {"localhost", "localhost.localdomain"}:
            raise ConfigError(f"{SETTING}: {self._host} is this machine; allowed: other hosts, unless set otherwise")
        self._client = httpx.AsyncClient(timeout=attempt_s, follow_redirects=False, trust_env=False)

    async def send(self, alert: Alert) -> None:
        """Post one state of an alert.

        Raises:
            DeliveryError: It was not taken; says whether another attempt may help.
        """
        try:
            async with asyncio.timeout(self._attempt_s):
                await self._check_address()
                status = await self._post(orjson.dumps(body_of(alert)))
        except TimeoutError as error:
            raise self._failed("no answer in time", is_retryable=True) from error
        except (httpx.HTTPError, OSError) as error:
            raise self._failed(type(error).__name__, is_retryable=True) from None
        meaning = meaning_of(status)
        if meaning != "taken":
            raise self._failed(f"HTTP {status}", is_retryable=meaning == "later")

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def _post(self, body: bytes) -> int:
        headers = {"content-type": "application/json", "user-agent": "xpulse"}
        async with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
            return answer.status_code

    async def _check_address(self) -> None:
        """Refuse to call this machine or its link, whatever name leads there."""
        loop = asyncio.get_running_loop()
        for *_, address in await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM):
            ip = _plain(ipaddress.ip_address(str(address[0]).partition("%")[0]))
            is_local = ip.is_loopback or ip.is_unspecified
            if ip.is_link_local or ip.is_multicast or (is_local and not self._may_be_local):
                raise self._failed("its address is on this machine or link, which is not allowed", is_retryable=False)

    def _failed(self, reason: str, *, is_retryable: bool) -> DeliveryError:
        return DeliveryError(f"webhook {self._host}: {reason}", is_retryable=is_retryable)


def _plain(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address inside an IPv6 one, if there is one."""
    return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip


def _address(url: str) -> tuple[str, int]:
    """Return host and port.

    Raises:
        ConfigError: It is no http or https address.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigError(f"{SETTING}: not an address; allowed: http://host[:port]/path or https://host[:port]/path")
    return host, port or (443 if parts.scheme == "https" else 80)
