"""A headless Chromium, driven over its own DevTools protocol: open, look, press keys, take pictures.

It starts with an empty profile, so nothing is kept, and it writes down every complaint and every host it asked.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from tests.agents.local.services import wait_until

ANSWER_WITHIN_S = 20.0
_FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
_LEAVING = (
    "context was destroyed",
    "Cannot find context",
    "navigated or closed",
    "Cannot find default execution context",
)
_KEYS = {"ArrowRight": 39, "ArrowLeft": 37, "Escape": 27, " ": 32, "?": 191, "k": 75}


class PageIsLeaving(Exception):
    """A script was asked of a page that was just giving way to the next."""


class Browser:
    """One page.

    Attributes:
        troubles: What the page's console complained about: errors, exceptions, refused loads.
        hosts: `host:port` of everything that it asked for.
    """

    def __init__(self, socket: str) -> None:
        self.troubles: list[str] = []
        self.hosts: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self._number = 0
        self._session, self._socket = self._loop.run_until_complete(_connected(socket))
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def close(self) -> None:
        self._loop.run_until_complete(self._session.close())
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result; everything that the page told meanwhile is taken in."""
        return self._loop.run_until_complete(asyncio.wait_for(self._send(method, parameters), ANSWER_WITHIN_S))

    async def _send(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = json.loads(await self._socket.receive_str())
            if message.get("id") == self._number:
                _check(method, message)
                result: dict[str, Any] = message["result"]
                return result
            self._hear(message.get("method", ""), message.get("params", {}))

    def _hear(self, event: str, told: dict[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.troubles.append(details.get("exception", {}).get("description", details["text"]))
        elif event == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.troubles.append(" ".join(str(one.get("value", one.get("description"))) for one in told["args"]))
        elif event == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.troubles.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
        elif event == "Network.requestWillBeSent":
            self.hosts.add(urlsplit(told["request"]["url"]).netloc)

    def open(self, url: str) -> None:
        """Go to an address, and wait until the page there is read and its scripts have run."""
        answer = self.send("Page.navigate", url=url)
        assert "errorText" not in answer, f"{url}: {answer['errorText']}"
        self.wait("document.readyState === 'complete'")

    def js(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, f"{expression}: {answer.get('exceptionDetails')}"
        return answer["result"].get("value")

    def wait(self, expression: str, *, within_s: float = ANSWER_WITHIN_S) -> float:
        """Wait until an expression is true; return after how many seconds it was."""
        begun_s = time.monotonic()
        wait_until(lambda: self._is_true(expression), expression, within_s=within_s)
        return time.monotonic() - begun_s

    def _is_true(self, expression: str) -> bool:
        # A page that is leaving takes its script's context along, or has no body yet: asked again, of the next one.
        try:
            return bool(self.js(f"Boolean({expression})"))
        except PageIsLeaving:
            return False

    def press(self, key: str) -> None:
        """Press and release a key."""
        known: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": _KEYS[key]}
        text = {"text": key} if len(key) == 1 else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", **known, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", **known)

    def resize(self, width: int, height: int, *, dense: int = 1) -> None:
        """Make the window of that many pixels; each is `dense` pixels wide and high on the screen."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=dense, mobile=False
        )

    def picture(self, *, kind: str = "png", scale: float = 1.0) -> bytes:
        """Return a picture of the window: `png`, or `webp` for small ones."""
        size = self.js("[innerWidth, innerHeight]")
        clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": scale}
        quality = {} if kind == "png" else {"quality": 82}
        return base64.b64decode(self.send("Page.captureScreenshot", format=kind, clip=clip, **quality)["data"])


def _check(method: str, message: dict[str, Any]) -> None:
    told = message.get("error", {}).get("message", "")
    if any(words in told for words in _LEAVING):
        raise PageIsLeaving(told)
    assert not told, f"{method}: {told}"


async def _connected(socket: str) -> tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse]:
    session = aiohttp.ClientSession()
    return session, await session.ws_connect(socket, max_msg_size=0)


@contextmanager
def running_browser(program: str, folder: Path) -> Iterator[Browser]:
    """Run Chromium with a profile in `folder`; end it and all its processes afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    # Chromium's sandbox refuses to work for root; what it opens here is our own page.
    flags = [*_FLAGS, f"--user-data-dir={folder}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen([program, *flags, "about:blank"], stdout=log, stderr=log, start_new_session=True)
    try:
        browser = Browser(_page_socket(process, folder))
        try:
            yield browser
        finally:
            browser.close()
    finally:
        os.killpg(process.pid, 9)
        process.wait(timeout=20)


def _page_socket(process: subprocess.Popen[bytes], folder: Path) -> str:
    told = folder / "DevToolsActivePort"

    def is_listening() -> bool:
        assert process.poll() is None, (folder / "chromium.log").read_text()[-2000:]
        return told.is_file() and "\n" in told.read_text()

    wait_until(is_listening, "Chromium")
    return asyncio.run(_first_page(told.read_text().split("\n")[0]))


async def _first_page(port: str) -> str:
    deadline = time.monotonic() + ANSWER_WITHIN_S
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as reply:
                pages = [one for one in await reply.json() if one["type"] == "page"]
            if pages:
                return str(pages[0]["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)
    raise AssertionError("Chromium has no page")
