"""Only this machine's own browser gets in: a name that a stranger's page rebinds to this address does not.

Every answer forbids the page to load or send anything elsewhere.
"""

from collections.abc import Iterable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_OWN_SITE: Final = ("", "none", "same-origin")


def own_hosts(port: int) -> frozenset[str]:
    """Return what a browser on this machine writes into its Host header."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))


class Guard:
    """Wraps the application.

    Args:
        app: What is guarded.
        hosts: Host headers that are let in.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(Headers(scope=scope), scope["path"])
        await (refusal or self._app)(scope, receive, guarded)

    def _refusal(self, headers: Headers, path: str) -> PlainTextResponse | None:
        if headers.get("host", "").lower() not in self._hosts:
            return PlainTextResponse("The preview answers on this machine's own address only.\n", 421)
        # A link from elsewhere may open the page; no other page may ask it for data.
        if path.startswith("/api/") and headers.get("sec-fetch-site", "") not in _OWN_SITE:
            return PlainTextResponse("Only the preview's own page may ask for this.\n", 403)
        return None
