"""Several Alertmanagers that share the work of calling people: each is told everything, as their manual asks for."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from streams.errors import DeliveryError


class Posting(Protocol):
    """Takes a body to an address, as `agents.notify._post.Poster`."""

    async def post(self, body: bytes) -> None:
        """Post once; raises `DeliveryError` if it was not taken."""

    async def close(self) -> None:
        """Close connections."""


class Cluster:
    """Posts to all members. Taken by one is taken: the others are told again within a minute.

    Args:
        members: One or more.
    """

    def __init__(self, members: Sequence[Posting]) -> None:
        self._members = members

    async def post(self, body: bytes) -> None:
        """Post once to each member.

        Raises:
            DeliveryError: Nobody took it; may be tried again if that may help with one of them.
        """
        outcomes = await asyncio.gather(*(self._try(member, body) for member in self._members))
        lost = [failure for failure in outcomes if failure is not None]
        if len(lost) == len(self._members):
            raise next((failure for failure in lost if failure.is_retryable), lost[0])

    async def close(self) -> None:
        """Close connections."""
        for member in self._members:
            await member.close()

    async def _try(self, member: Posting, body: bytes) -> DeliveryError | None:
        try:
            await member.post(body)
        except DeliveryError as error:
            return error
        return None
