"""An HTTP server on this machine that takes what is posted, or does not, as it is told; it may hand it on."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Manner = Literal["take", "refuse", "fail", "busy", "reset", "hang", "drip", "redirect", "take and hang"]
STATUS: dict[Manner, int] = {"take": 200, "refuse": 400, "fail": 500, "busy": 429, "redirect": 307}


@dataclass
class Posted:
    """One request."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Door:
    """What a server got, and how it behaves; `manners` are used up first, one a request.

    What holds the bytes `spare` is taken whatever happens to the rest.
    """

    url: str = ""
    manner: Manner = "take"
    manners: list[Manner] = field(default_factory=list)
    retry_after: str = ""
    spare: bytes = b""
    hand_on_to: str = ""
    posted: list[Posted] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    def bodies(self) -> list[Any]:
        return [one.body for one in self.posted]

    def next_manner(self, raw: bytes) -> Manner:
        if self.spare and self.spare in raw:
            return "take"
        return self.manners.pop(0) if self.manners else self.manner


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    door: Door

    def handle_error(self, *_: Any) -> None:
        """Clients hang up here on purpose."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        door = self.server.door
        raw = self.rfile.read(int(self.headers["content-length"]))
        manner = door.next_manner(raw)
        door.posted.append(Posted(self.path, {name.lower(): text for name, text in self.headers.items()}, raw))
        if door.hand_on_to and manner in ("take", "take and hang"):
            self._hand_on(door, raw)
        if manner in ("hang", "take and hang"):
            door.release.wait(30)
        elif manner == "reset":
            self.connection.close()
        elif manner == "drip":
            self._drip(door)
        else:
            self._answer(STATUS[manner], door)

    def _hand_on(self, door: Door, raw: bytes) -> None:
        request = urllib.request.Request(
            door.hand_on_to + self.path, data=raw, headers={"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 200

    def _drip(self, door: Door) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not door.release.wait(0.1):
            self.wfile.write(b"x-a: b\r\n")

    def _answer(self, status: int, door: Door) -> None:
        self.send_response(status)
        if door.retry_after:
            self.send_header("retry-after", door.retry_after)
        if status == 307:
            self.send_header("location", "/elsewhere")
        self.end_headers()
        self.wfile.write(b"x" * 100_000)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@contextmanager
def running_door(*, wrap: Any = None, hand_on_to: str = "") -> Iterator[Door]:
    """Run a server; `wrap` makes its listening socket a TLS one."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.door = Door(f"http://127.0.0.1:{server.server_address[1]}", hand_on_to=hand_on_to)
        if wrap is not None:
            server.socket = wrap(server.socket)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.door
        finally:
            server.door.release.set()
            server.shutdown()
            thread.join()
