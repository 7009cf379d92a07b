"""The gateway's parts put together, and what it does with a request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from agents.gateway import otlp
from agents.gateway.answers import OUTCOME_UNKNOWN, Refusal, json_answer
from agents.gateway.body import Bodies, Limits
from agents.gateway.directory import DirectoryFolder
from agents.gateway.enrich import Enricher
from agents.gateway.identity import Pseudonyms
from agents.gateway.intake import TENANT_HEADER, Door, Intake, header_tenant
from agents.gateway.readiness import Readiness
from agents.gateway.ticks import Ticker, now_ms
from agents.metrics import counter
from agents.publisher import Outgoing, Publisher, Receipt
from agents.topics import TELEMETRY
from streams.catalogue import Catalogue
from streams.errors import Backpressure, ConfigError, DeliveryError

log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 1.0
_FINISH_WITHIN_S: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a gateway needs to know.

    Attributes:
        brokers: `host:port[,host:port…]`.
        master_key: Of the pseudonyms; 32 bytes or more.
        directory_dir: Folder of the loaded directories.
        name: Of this gateway, in its ticks.
        publish_within_s: Longest wait for the broker's acknowledgement.
        on_fatal: Called when a background task has died: the process should end.
    """

    brokers: str
    master_key: bytes
    directory_dir: Path
    catalogue: Catalogue
    name: str = field(default_factory=lambda: f"gateway-{uuid4().hex[:8]}")
    limits: Limits = field(default_factory=Limits)
    publish_within_s: float = 10.0
    on_fatal: Callable[[], None] = lambda: None


class Accepted(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to a request whose events the broker has.

    Attributes:
        accepted: Number of events.
        incarnation: Id of the topic that they lie on (with `receipts=true`).
        records: Partition and offset of each event, in the order of the request (with `receipts=true`).
    """

    accepted: int
    incarnation: str = ""
    records: list[Receipt] = []  # msgspec copies an empty default for every instance


class Service:
    """One running gateway."""

    def __init__(self, setup: Setup, directories: DirectoryFolder) -> None:
        pseudonyms = Pseudonyms(setup.master_key)
        self._directories = directories
        self._bodies = Bodies(setup.limits)
        self._intake = Intake(Enricher(pseudonyms, directories), setup.catalogue, setup.limits)
        self._otlp = otlp.OtlpIntake(self._intake, pseudonyms, setup.catalogue, setup.limits)
        self._publisher = Publisher(setup.brokers, timeout_s=setup.publish_within_s)
        self._ticker = Ticker(self._publisher, setup.name)
        self._on_fatal = setup.on_fatal
        self.readiness = Readiness(self._publisher)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send ticks, watch the broker and the directories until the end of the block."""
        runs = (self._ticker.run(), self.readiness.run(), self._watch_directories())
        tasks = [self._background(run) for run in runs]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(self._publisher.close, _FINISH_WITHIN_S)

    def _background(self, run: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(run)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background_task_died error=%s", type(error).__name__, exc_info=error)
            self._on_fatal()

    async def _watch_directories(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                await asyncio.to_thread(self._directories.refresh)
            except (ConfigError, OSError) as error:
                log.error("directory_not_read fault=%s", error)  # noqa: TRY400  # the fault is in the file, not here

    async def take_events(self, door: Door, request: Request) -> Response:
        """Answer `POST /v1/{door}`.

        Raises:
            Refusal: Nothing was taken, or nobody knows.
        """
        tenant = header_tenant(request.headers.get(TENANT_HEADER))
        with self._bodies.room(request):
            body = await self._bodies.read(request)
            records = self._intake.records(door, body, tenant, now_ms())
            receipts = await self._publish(door.topic, records)
        if request.query_params.get("receipts") != "true":
            return json_answer(Accepted(len(records)), 202)
        incarnation = str((await self._publisher.state(door.topic)).incarnation)
        return json_answer(Accepted(len(records), incarnation, receipts), 202)

    async def take_otlp(self, request: Request) -> Response:
        """Answer `POST /v1/metrics`.

        Raises:
            Refusal: The request is in none of OTLP's encodings, so that no answer can be in it.
        """
        encoding = otlp.media_type(request.headers.get("content-type", ""))
        try:
            tenant = header_tenant(request.headers.get(TENANT_HEADER))
            with self._bodies.room(request):
                body = await self._bodies.read(request)
                records, untaken = self._otlp.records(body, encoding, tenant, now_ms())
                await self._publish(TELEMETRY, records)
        except Refusal as refusal:
            count_refusal("otlp", refusal)
            return otlp.refused(encoding, refusal)
        return otlp.accepted(encoding, untaken)

    async def _publish(self, topic: str, records: list[Outgoing]) -> list[Receipt]:
        try:
            receipts = await self._publisher.publish(topic, records)
        except Backpressure as error:
            raise Refusal(429, "busy", str(error), retry_after_s=error.retry_after_s) from error
        except DeliveryError as error:
            raise Refusal(503, "broker_away", error.reason, retry_after_s=1, consequence=OUTCOME_UNKNOWN) from error
        counter("xpulse_gateway_events_total").labels(topic=topic).inc(len(receipts))
        return receipts

    def ready(self) -> Response:
        """Answer `GET /readyz`."""
        problem = self.readiness.problem
        return json_answer({"ready": problem is None, "problem": problem}, 200 if problem is None else 503)


def count_refusal(route: str, refusal: Refusal) -> None:
    """Count a refused request."""
    counter("xpulse_gateway_rejections_total").labels(route=route, reason=refusal.reason).inc()


def show_metrics() -> Response:
    """Answer `GET /metrics`."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
