"""Reading an aiohttp request: parameters, and a body within the user's limit."""

import asyncio
import re
import uuid

from aiohttp import hdrs, web

from agents.local.clickhouse import framing
from agents.local.clickhouse.body import too_large, unpack_body
from agents.local.clickhouse.errors import Code, refusal

_QUERY_ID = re.compile(r"[\w.:-]{1,100}\Z", re.ASCII)


def query_id(http: web.Request) -> str:
    """Return the client's id of the query if it is fit for a header, else a new one."""
    given = http.query.get("query_id", "")
    return given if _QUERY_ID.match(given) else str(uuid.uuid4())


def only_reads(http: web.Request) -> bool:
    """Say whether the method is one that changes nothing."""
    return http.method in (hdrs.METH_GET, hdrs.METH_HEAD)


async def read_request(http: web.Request, limit_bytes: int) -> tuple[dict[str, str], bytes]:
    """Return the parameters of URL and form, and the unpacked body.

    Args:
        http: The request.
        limit_bytes: Most that its body may have, packed and unpacked.

    Raises:
        StatementError: Too large, damaged, or with files, which would be external tables.
    """
    fields = dict(http.query)
    if (http.content_length or 0) > limit_bytes:
        raise too_large(limit_bytes)
    if http.content_type == "multipart/form-data":
        return fields | await _form(http), b""
    body = await _body(http, limit_bytes)
    if encoding := http.headers.get("Content-Encoding", ""):
        body = await asyncio.to_thread(unpack_body, body, encoding, limit_bytes)
    if fields.get("decompress") == "1":
        body = await asyncio.to_thread(framing.unpack, body, limit_bytes)
    return fields, body


async def _body(http: web.Request, limit_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in http.content.iter_any():
        body += chunk
        if len(body) > limit_bytes:
            raise too_large(limit_bytes)
    return bytes(body)


async def _form(http: web.Request) -> dict[str, str]:
    if http.content_length is None:
        raise refusal(Code.HTTP_LENGTH_REQUIRED, "A form needs a Content-Length.")
    fields = await http.post()
    if not all(isinstance(value, str) for value in fields.values()):
        raise refusal(Code.NOT_IMPLEMENTED, "External tables are not supported by the embedded ClickHouse.")
    return {name: str(value) for name, value in fields.items()}
