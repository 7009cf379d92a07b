"""A member of a consumer group, request by request: what a client hides has to be seen here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest

NO_ERROR, UNKNOWN_MEMBER_ID = 0, 25
COORDINATED_WITHIN_S = 30.0
SESSION_MS, REBALANCE_MS = 6_000, 8_000
SHARE = b"everything"


class Member:
    """Speaks for one member of a group over a connection of its own.

    Attributes:
        member_id: As the broker named it; empty before the first `join`.
        generation: Of the last `join`.
    """

    def __init__(self, connection: AIOKafkaConnection, group: str, member_id: str = "", generation: int = -1) -> None:
        self.member_id = member_id
        self.generation = generation
        self._connection = connection
        self._group = group

    async def ask_in(self) -> None:
        """Send a first join; the broker answers with a name, and the group forms anew."""
        async with asyncio.timeout(COORDINATED_WITHIN_S):  # the first group of all takes a moment
            while (await self._send(FindCoordinatorRequest(self._group, 0))).error_code != NO_ERROR:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.1)
        self.member_id = (await self._join()).member_id

    async def take(self) -> bool:
        """Join and sync once; as the leader, take everything. Return whether an assignment came."""
        joined = await self._join()
        self.member_id, self.generation = joined.member_id, joined.generation_id
        shares = [(self.member_id, SHARE)] if joined.leader_id == self.member_id else []
        synced = await self._send(SyncGroupRequest(self._group, self.generation, self.member_id, None, shares))
        return bool(synced.error_code == NO_ERROR and synced.member_assignment == SHARE)

    async def leave(self) -> None:
        """Leave the group."""
        assert (await self._send(LeaveGroupRequest(self._group, self.member_id))).error_code == NO_ERROR

    async def heartbeat(self) -> int:
        """Return the error code of a heartbeat."""
        answer = await self._send(HeartbeatRequest(self._group, self.generation, self.member_id))
        return int(answer.error_code)

    async def _join(self) -> Any:
        protocols = [("faust", b"any")]  # the name of the workers' assignor: the broker keeps a group's first
        return await self._send(
            JoinGroupRequest(self._group, SESSION_MS, REBALANCE_MS, self.member_id, None, "consumer", protocols)
        )

    async def _send(self, request: Any) -> Any:
        return await self._connection.send(request)


@asynccontextmanager
async def connected(bootstrap: str) -> AsyncIterator[AIOKafkaConnection]:
    """Connect to a broker that coordinates every group: there is only one."""
    host, port = bootstrap.split(":")
    connection = await create_conn(host, int(port), client_id="member", request_timeout_ms=30_000)
    try:
        yield connection
    finally:
        connection.close()
