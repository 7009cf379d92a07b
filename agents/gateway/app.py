"""The gateway's HTTP interface."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from agents.gateway.access import Access
from agents.gateway.answers import Refusal, json_answer
from agents.gateway.directory import DirectoryFolder
from agents.gateway.documents import operation, otlp_operation, schemas
from agents.gateway.intake import DOORS, Door
from agents.gateway.page import page
from agents.gateway.service import Service, Setup, count_refusal, show_metrics

OTLP_PATH = "/v1/metrics"
ROUTES: Mapping[str, str] = {
    **{f"/v1/{name}": name for name in DOORS},
    OTLP_PATH: "otlp",
    "/healthz": "healthz",
    "/readyz": "readyz",
    "/metrics": "metrics",
    "/docs": "docs",
    "/openapi.json": "openapi",
}
"""Address -> label `route` of the metrics."""

Endpoint = Callable[[Request], Awaitable[Response]]


class GatewayApp(FastAPI):
    """FastAPI with the schemas of the events, which are msgspec's and not pydantic's."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = super().openapi()
            self.openapi_schema.setdefault("components", {})["schemas"] = schemas()
        return self.openapi_schema


def build_app(setup: Setup) -> FastAPI:
    """Return the application; it asks for the broker when it is started.

    Raises:
        ConfigError: A directory must be corrected: events taken without it would lose their dimensions for ever.
    """
    directories = DirectoryFolder(setup.directory_dir)
    directories.refresh()

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        service = Service(setup, directories)
        async with service.running():
            app.state.service = service
            yield

    app = GatewayApp(title="xpulse gateway", version="1", docs_url=None, redoc_url=None, lifespan=life)
    app.add_middleware(Access, routes=ROUTES)
    app.add_exception_handler(Refusal, _refused)
    for door in DOORS.values():
        _add(app, "POST", f"/v1/{door.name}", _taking(door), openapi_extra=operation(door), status_code=202)
    _add(app, "POST", OTLP_PATH, _otlp, openapi_extra=otlp_operation())
    _add(app, "GET", "/healthz", _healthz)
    _add(app, "GET", "/readyz", _readyz)
    _add(app, "GET", "/metrics", _metrics)
    _add(app, "GET", "/docs", _docs, include_in_schema=False)
    return app


def _add(app: FastAPI, method: str, path: str, endpoint: Endpoint, **more: Any) -> None:
    app.add_api_route(path, endpoint, methods=[method], response_model=None, name=ROUTES[path], **more)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _taking(door: Door) -> Endpoint:
    async def take(request: Request) -> Response:
        return await _service(request).take_events(door, request)

    return take


async def _otlp(request: Request) -> Response:
    return await _service(request).take_otlp(request)


async def _healthz(_: Request) -> Response:
    return json_answer({"status": "ok"})


async def _readyz(request: Request) -> Response:
    return _service(request).ready()


async def _metrics(_: Request) -> Response:
    return show_metrics()


async def _docs(_: Request) -> Response:
    return HTMLResponse(page())


async def _refused(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    count_refusal(ROUTES[request.url.path], refusal)
    return json_answer(refusal.body(), refusal.status, refusal.headers())
