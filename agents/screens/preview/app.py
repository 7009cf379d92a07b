"""The preview's HTTP interface: the page, the dashboards' JSON, and a stream of answers per look."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import orjson
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from agents.screens.preview.answers import Answers
from agents.screens.preview.choices import Wish, time_range
from agents.screens.preview.guard import Guard, own_hosts
from agents.screens.preview.shelf import Screen
from agents.screens.preview.stream import Look
from streams.errors import ConfigError

STATIC: Final = Path(__file__).parent / "static"
MOST_LOOKS: Final = 16
"""Streams at the same time; one more is refused with 503."""

LONGEST_QUERY: Final = 4_000


def build_app(shelf: Mapping[str, Screen], answers: Answers, *, port: int) -> Starlette:
    """Return the application.

    Args:
        shelf: The dashboards by uid, in the order in which they are shown.
        answers: Where their questions are asked.
        port: Where it listens; only Host headers of this port are let in.
    """
    preview = Preview(shelf, answers)

    @asynccontextmanager
    async def closing(_app: Starlette) -> AsyncIterator[None]:
        yield
        answers.close()

    return Starlette(
        routes=[
            Route("/", preview.page),
            Route("/d/{uid}", preview.page),
            Route("/d/{uid}/{slug}", preview.page),  # Grafana's links may end with a name
            Route("/readyz", preview.ready),
            Route("/api/screens", preview.screens),
            Route("/api/screens/{uid}", preview.model),
            Route("/api/screens/{uid}/stream", preview.stream),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Guard, hosts=own_hosts(port))],
        lifespan=closing,
    )


class Preview:
    """The routes."""

    def __init__(self, shelf: Mapping[str, Screen], answers: Answers) -> None:
        self._shelf = shelf
        self._answers = answers
        self._looks = 0

    async def page(self, _request: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def ready(self, _request: Request) -> Response:
        return PlainTextResponse("ready\n")

    async def screens(self, _request: Request) -> Response:
        listed = [{"uid": one.uid, "title": one.title, "tags": one.tags} for one in self._shelf.values()]
        return _json(listed)

    async def model(self, request: Request) -> Response:
        screen = self._shelf.get(request.path_params["uid"])
        return _unknown() if screen is None else _json(screen.model)

    async def stream(self, request: Request) -> Response:
        """Answer with server-sent events until the browser leaves."""
        screen = self._shelf.get(request.path_params["uid"])
        if screen is None:
            return _unknown()
        try:
            wish = read_wish(request.query_params, screen)
        except ConfigError as error:
            return PlainTextResponse(f"{error}\n", 400)
        if self._looks >= MOST_LOOKS:
            return PlainTextResponse(f"{MOST_LOOKS} pages look already; close one\n", 503, {"Retry-After": "5"})
        return StreamingResponse(self._events(Look(screen, wish, self._answers)), media_type="text/event-stream")

    async def _events(self, look: Look) -> AsyncIterator[bytes]:
        self._looks += 1
        try:
            async for event in look.events():
                yield event
        finally:
            self._looks -= 1


def read_wish(query: QueryParams, screen: Screen) -> Wish:
    """Read `from`, `to` and `var-NAME` as Grafana writes them into its addresses.

    Raises:
        ConfigError: The query is too long, or the range is none.
    """
    if len(str(query)) > LONGEST_QUERY:
        raise ConfigError(f"the address is longer than {LONGEST_QUERY} characters")
    names = {str(variable["name"]) for variable in screen.variables()}
    chosen = {name: query.getlist(f"var-{name}") for name in names}
    wish = Wish(since=query.get("from", screen.since), until=query.get("to", "now"), chosen=chosen)
    time_range(wish, 1e10)
    return wish


def _json(content: object) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")


def _unknown() -> Response:
    return PlainTextResponse("no such dashboard\n", 404)
