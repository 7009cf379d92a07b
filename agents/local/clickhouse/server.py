"""The HTTP application: requests in, statements run in threads, replies out."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

from agents.local.clickhouse import framing, reply
from agents.local.clickhouse.engine import Engine
from agents.local.clickhouse.errors import Code, StatementError, refusal
from agents.local.clickhouse.guard import Guard
from agents.local.clickhouse.handshake import handshake_block, is_handshake
from agents.local.clickhouse.intake import only_reads, query_id, read_request
from agents.local.clickhouse.request import Request, build_request, credentials
from agents.local.clickhouse.sessions import Sessions
from agents.local.clickhouse.statement import Outcome, Statement
from agents.local.clickhouse.users import User, Users, authenticate

_CANCEL_AGAIN_S = 0.2


class Desk:
    """Runs the statements of one user, some at a time, some waiting, the rest refused."""

    def __init__(self, user: User, engine: Engine, guard: Guard) -> None:
        self._user = user
        self._engine = engine
        self._guard = guard
        self._sessions = Sessions(engine, user)
        self._threads = ThreadPoolExecutor(user.threads, thread_name_prefix=f"clickhouse-{user.name}")
        self._running: dict[asyncio.Future[Outcome], Statement] = {}
        self._cancelling: set[asyncio.Task[None]] = set()
        self._is_closing = False

    async def run(self, request: Request) -> Outcome:
        """Run one statement; when the client goes away, a reading one is stopped.

        Raises:
            StatementError: Refused, failed, or too many are waiting.
        """
        if self._is_closing or len(self._running) >= self._user.threads + self._user.max_waiting:
            raise refusal(Code.TOO_MANY_SIMULTANEOUS_QUERIES, "Too many simultaneous queries.")
        statement = Statement(self._user, request, self._sessions, self._guard, self._engine)
        running = asyncio.get_running_loop().run_in_executor(self._threads, statement.run)
        self._running[running] = statement
        running.add_done_callback(self._leave)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self._cancel(running, statement)
            raise

    def _leave(self, done: asyncio.Future[Outcome]) -> None:
        del self._running[done]
        if not done.cancelled():
            done.exception()  # nobody else may be there to look at it

    def _cancel(self, running: asyncio.Future[Outcome], statement: Statement) -> None:
        task = asyncio.create_task(_cancel_until_done(running, statement))
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    def cancel_all(self) -> None:
        """Take no more statements, stop those that read, leave those that write to end."""
        self._is_closing = True
        for running, statement in self._running.items():
            self._cancel(running, statement)

    def close(self) -> None:
        """Wait for what runs, then close the sessions."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._sessions.close()


async def _cancel_until_done(running: asyncio.Future[Outcome], statement: Statement) -> None:
    while not running.done():
        await asyncio.to_thread(statement.cancel)
        await asyncio.wait([running], timeout=_CANCEL_AGAIN_S)


class Front:
    """The HTTP interface over one engine."""

    def __init__(self, engine: Engine, users: Users) -> None:
        guard = Guard(engine)
        self._users = users
        self._version = engine.version
        self._desks = {name: Desk(user, engine, guard) for name, user in users.items()}

    def application(self) -> web.Application:
        """Return the aiohttp application: `/ping` and everything else as a statement."""
        app = web.Application(client_max_size=max((user.max_body_bytes for user in self._users.values()), default=0))
        app.router.add_get("/ping", _ping)
        app.router.add_route("*", "/", self.answer)
        app.on_shutdown.append(self._cancel_all)
        app.on_cleanup.append(self._close)
        return app

    async def answer(self, http: web.Request) -> web.Response:
        """Answer one request."""
        headers = reply.base_headers(query_id(http))
        try:
            body, more = await self._answer(http)
            return web.Response(body=body, headers=headers | more)
        except StatementError as error:
            text = error.message + "\n"
            return web.Response(status=error.status, text=text, headers=headers | reply.error_headers(error))

    async def _answer(self, http: web.Request) -> tuple[bytes, dict[str, str]]:
        user = authenticate(self._users, *credentials(http.headers, http.query))
        fields, body = await read_request(http, user.max_body_bytes)
        request = build_request(user, http.headers, fields, body, is_get=only_reads(http))
        if not request.text.strip():
            return b"Ok.\n", {}
        if is_handshake(request.text, fields.get("client_protocol_version", "")):
            return _compress(handshake_block(self._version), fields, http.headers.get("Accept-Encoding", ""))
        outcome = await self._desks[user.name].run(request)
        headers = _headers(outcome, request, user)
        if not _is_packed(fields):
            return outcome.result.body, headers
        accepted = http.headers.get("Accept-Encoding", "")
        body, encoding = await asyncio.to_thread(_compress, outcome.result.body, fields, accepted)
        return body, headers | encoding

    async def _cancel_all(self, _app: web.Application) -> None:
        for desk in self._desks.values():
            desk.cancel_all()

    async def _close(self, _app: web.Application) -> None:
        for desk in self._desks.values():
            await asyncio.to_thread(desk.close)


async def _ping(_http: web.Request) -> web.Response:
    return web.Response(text="Ok.\n")


def _headers(outcome: Outcome, request: Request, user: User) -> dict[str, str]:
    headers = reply.summary_header(outcome.result, shows_reads=user.may_write)
    if outcome.has_rows:
        headers |= reply.rows_headers(reply.output_format(request.text, request.format))
    return headers


def _is_packed(fields: Mapping[str, str]) -> bool:
    return "1" in (fields.get("compress"), fields.get("enable_http_compression"))


def _compress(body: bytes, fields: Mapping[str, str], accepted: str) -> tuple[bytes, dict[str, str]]:
    """Compress by ClickHouse's own framing or by HTTP's, whichever the request asks for."""
    if fields.get("compress") == "1":
        return framing.pack(body, fields.get("network_compression_method", "LZ4")), {}
    if fields.get("enable_http_compression") == "1":
        return reply.encode(body, accepted)
    return body, {}
