"""The HTTP application: requests in, statements run in threads, replies out."""

import asyncio
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from aiohttp import hdrs, web

from agents.local.clickhouse import body as bodies
from agents.local.clickhouse import framing, reply
from agents.local.clickhouse.engine import Engine
from agents.local.clickhouse.errors import Code, StatementError, refusal
from agents.local.clickhouse.guard import Guard
from agents.local.clickhouse.handshake import handshake_block, is_handshake
from agents.local.clickhouse.request import Request, build_request, credentials
from agents.local.clickhouse.sessions import Sessions
from agents.local.clickhouse.statement import Outcome, Statement
from agents.local.clickhouse.users import User, Users, authenticate

MAX_BODY_BYTES = 256 << 20


class Desk:
    """Runs the statements of one user, some at a time, some waiting, the rest refused."""

    def __init__(self, user: User, engine: Engine, guard: Guard) -> None:
        self._user = user
        self._engine = engine
        self._guard = guard
        self._sessions = Sessions(engine, user)
        self._threads = ThreadPoolExecutor(user.threads, thread_name_prefix=f"clickhouse-{user.name}")
        self._running: dict[asyncio.Future[Outcome], Statement] = {}
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
            await asyncio.to_thread(statement.cancel)
            raise

    def _leave(self, done: asyncio.Future[Outcome]) -> None:
        del self._running[done]
        if not done.cancelled():
            done.exception()  # nobody else may be there to look at it

    async def cancel_all(self) -> None:
        """Take no more statements, stop those that read, leave those that write to end."""
        self._is_closing = True
        for statement in list(self._running.values()):
            await asyncio.to_thread(statement.cancel)

    def close(self) -> None:
        """Wait for what runs, then close the sessions."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._sessions.close()


class Front:
    """The HTTP interface over one engine.

    Args:
        max_body_bytes: Largest request body, unpacked.
    """

    def __init__(self, engine: Engine, users: Users, *, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        guard = Guard(engine)
        self._users = users
        self._version = engine.version
        self._desks = {name: Desk(user, engine, guard) for name, user in users.items()}
        self._max_body_bytes = max_body_bytes

    def application(self) -> web.Application:
        """Return the aiohttp application: `/ping` and everything else as a statement."""
        app = web.Application(client_max_size=self._max_body_bytes)
        app.router.add_get("/ping", _ping)
        app.router.add_route("*", "/", self.answer)
        app.on_shutdown.append(self._cancel_all)
        app.on_cleanup.append(self._close)
        return app

    async def answer(self, http: web.Request) -> web.Response:
        """Answer one request."""
        headers = reply.base_headers(http.query.get("query_id") or str(uuid.uuid4()))
        try:
            body, more = await self._answer(http)
            return web.Response(body=body, headers=headers | more)
        except StatementError as error:
            text = error.message + "\n"
            return web.Response(status=error.status, text=text, headers=headers | reply.error_headers(error))

    async def _answer(self, http: web.Request) -> tuple[bytes, dict[str, str]]:
        user = authenticate(self._users, *credentials(http.headers, http.query))
        fields, body = await self._read(http)
        request = build_request(user, http.headers, fields, body, is_get=http.method in (hdrs.METH_GET, hdrs.METH_HEAD))
        if not request.text.strip():
            return b"Ok.\n", {}
        if is_handshake(request.text, fields.get("client_protocol_version", "")):
            return _compress(handshake_block(self._version), fields, http.headers.get("Accept-Encoding", ""))
        outcome = await self._desks[user.name].run(request)
        headers = _headers(outcome, request, user)
        body, encoding = await asyncio.to_thread(
            _compress, outcome.result.body, fields, http.headers.get("Accept-Encoding", "")
        )
        return body, headers | encoding

    async def _read(self, http: web.Request) -> tuple[dict[str, str], bytes]:
        fields = dict(http.query)
        try:
            if http.content_type == "multipart/form-data":
                return fields | await _form(http), b""
            body = await http.read()
        except web.HTTPRequestEntityTooLarge as error:
            raise bodies.too_large(self._max_body_bytes) from error
        if http.headers.get("Content-Encoding", "").lower() == "lz4":
            body = await asyncio.to_thread(bodies.unpack_lz4_frames, body, self._max_body_bytes)
        if fields.get("decompress") == "1":
            body = await asyncio.to_thread(framing.unpack, body, self._max_body_bytes)
        return fields, body

    async def _cancel_all(self, _app: web.Application) -> None:
        for desk in self._desks.values():
            await desk.cancel_all()

    async def _close(self, _app: web.Application) -> None:
        for desk in self._desks.values():
            await asyncio.to_thread(desk.close)


async def _ping(_http: web.Request) -> web.Response:
    return web.Response(text="Ok.\n")


async def _form(http: web.Request) -> dict[str, str]:
    fields = await http.post()
    if not all(isinstance(value, str) for value in fields.values()):
        raise refusal(Code.NOT_IMPLEMENTED, "External tables are not supported by the embedded ClickHouse.")
    return {name: str(value) for name, value in fields.items()}


def _headers(outcome: Outcome, request: Request, user: User) -> dict[str, str]:
    headers = reply.summary_header(outcome.result, shows_reads=user.may_write)
    if outcome.has_rows:
        headers |= reply.rows_headers(reply.output_format(request.text, request.format))
    return headers


def _compress(body: bytes, fields: Mapping[str, str], accepted: str) -> tuple[bytes, dict[str, str]]:
    """Compress by ClickHouse's own framing or by HTTP's, whichever the request asks for."""
    if fields.get("compress") == "1":
        return framing.pack(body, fields.get("network_compression_method", "LZ4")), {}
    if fields.get("enable_http_compression") == "1":
        return reply.encode(body, accepted)
    return body, {}
