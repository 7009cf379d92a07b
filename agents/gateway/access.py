"""Every request is counted and timed; logged are its route, status and duration, and nothing that it carried."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Mapping

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents.gateway.answers import Rejected, json_answer
from agents.metrics import counter, histogram

log = logging.getLogger(__name__)

OTHER = "other"
"""Label of addresses that the gateway does not know."""


class Access:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, routes: Mapping[str, str]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:
            status = 499  # the sender left; there is nobody to answer
        except Exception as error:  # noqa: BLE001  # the boundary: a bug in one request must not show what it held
            _log_crash(error)
            if not status:
                await json_answer(Rejected("internal error"), 500)(scope, receive, noting)
        self._note(scope["path"], status, time.perf_counter() - started)

    def _note(self, path: str, status: int, seconds: float) -> None:
        route = self._routes.get(path, OTHER)
        counter("xpulse_gateway_requests_total").labels(route=route, status=f"{status // 100}xx").inc()
        histogram("xpulse_gateway_request_seconds").labels(route=route).observe(seconds)
        log.debug("request route=%s status=%s ms=%.1f", route, status, seconds * 1000)


def _log_crash(error: Exception) -> None:
    """Say where, not what: an error's own words may repeat what was sent."""
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-4:]]
    log.error("request_crashed error=%s at=%s", type(error).__name__, " < ".join(reversed(places)))
