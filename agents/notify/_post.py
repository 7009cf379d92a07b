"""Posts JSON to one HTTP address: one attempt per call, bounded in time, answers judged by the table of statuses.

A name is resolved once per attempt, all its addresses are checked, and the connection goes to one of those very
addresses: a name server that answers differently the next time gains nothing. TLS still checks the name. The URL may
hold a secret, so it appears in no error and no log; its host does. Redirects are not followed, proxies of the
environment not used, and the answer's body not read.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from agents.notify._places import Resolve, objection, resolve
from agents.notify._port import ATTEMPT_S, Busy
from agents.notify._statuses import meaning_of, wait_of
from streams.errors import ConfigError, DeliveryError


class Poster:
    """Posts to one address.

    Args:
        url: http or https address.
        name: Of the notifier, for errors.
        setting: Where the address was set, for errors.
        may_be_local: Allow an address on this machine.
        attempt_s: Longest time for one attempt; seconds.
        tls: How certificates are checked; None = by the usual authorities.
        find: How a name becomes addresses.

    Raises:
        ConfigError: The address is not one that may be called.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        setting: str,
        may_be_local: bool,
        attempt_s: float = ATTEMPT_S,
        tls: ssl.SSLContext | None = None,
        find: Resolve = resolve,
    ) -> None:
        self._host, self._port = _address(url, setting)
        if not may_be_local and self._host.rstrip(".").lower() in {"localhost", "localhost.localdomain"}:
            raise ConfigError(f"{setting}: {self._host} is this machine; allowed: other hosts, unless set otherwise")
        self._url = httpx.URL(url)
        self._name = name
        self._may_be_local = may_be_local
        self._attempt_s = attempt_s
        self._find = find
        verify = tls if tls is not None else True
        self._client = httpx.AsyncClient(timeout=attempt_s, follow_redirects=False, trust_env=False, verify=verify)

    async def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Post once.

        Raises:
            Busy: The receiver said when to come back.
            DeliveryError: It was not taken; says whether another attempt may help.
        """
        try:
            async with asyncio.timeout(self._attempt_s):
                answer = await self._post(body, headers or {})
        except TimeoutError as error:
            raise self._failed("no answer in time", is_retryable=True) from error
        except (httpx.HTTPError, OSError) as error:
            raise self._failed(type(error).__name__, is_retryable=True) from None
        self._judge(answer)

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()

    def _judge(self, answer: httpx.Response) -> None:
        meaning, reason = meaning_of(answer.status_code), f"HTTP {answer.status_code}"
        wait_s = wait_of(answer.headers.get("retry-after"), time.time())
        if meaning == "later" and wait_s is not None:
            raise Busy(f"{self._name} {self._host}: {reason}", retry_after_s=wait_s)
        if meaning != "taken":
            raise self._failed(reason, is_retryable=meaning == "later")

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Try the checked addresses in order; the next one only if there was no connection to the one before."""
        *others, last = await self._addresses()
        for address in others:
            try:
                return await self._post_to(address, body, headers, connect_s=self._attempt_s / (len(others) + 1))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._post_to(last, body, headers, connect_s=self._attempt_s)

    async def _post_to(
        self, address: str, body: bytes, headers: Mapping[str, str], *, connect_s: float
    ) -> httpx.Response:
        request = self._client.build_request(
            "POST",
            self._url.copy_with(host=address),
            content=body,
            headers={
                "content-type": "application/json",
                "user-agent": "xpulse",
                "host": self._url.netloc.decode("ascii"),
                **headers,
            },
            timeout=httpx.Timeout(self._attempt_s, connect=connect_s),
            extensions={"sni_hostname": self._host},
        )
        answer = await self._client.send(request, stream=True)
        await answer.aclose()
        return answer

    async def _addresses(self) -> list[str]:
        """Resolve the name once; refuse it if any of its addresses may not be called."""
        found = list(await self._find(self._host, self._port))
        if not found:
            raise self._failed("its name has no address", is_retryable=True)
        for address in found:
            fault = objection(address, may_be_local=self._may_be_local)
            if fault is not None:
                raise self._failed(fault, is_retryable=False)
        return found

    def _failed(self, reason: str, *, is_retryable: bool) -> DeliveryError:
        return DeliveryError(f"{self._name} {self._host}: {reason}", is_retryable=is_retryable)


def _address(url: str, setting: str) -> tuple[str, int]:
    """Return host and port.

    Raises:
        ConfigError: It is no http or https address.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigError(f"{setting}: not an address; allowed: http://host[:port]/path or https://host[:port]/path")
    return host, port or (443 if parts.scheme == "https" else 80)
