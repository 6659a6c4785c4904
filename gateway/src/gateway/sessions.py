"""Whether sessions go on, asked of auth on behalf of what is held open for them."""

import asyncio
from uuid import UUID

import httpx

from common.errors import Unavailable

PATH = "/internal/sessions/"
AT_ONCE = 20
"""Questions under way: all that a gateway holds may come up at the same time."""


class Sessions:
    """Asks auth at `url`."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url + PATH
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def is_live(self, session_id: UUID) -> bool:
        """Raises Unavailable when auth cannot say."""
        try:
            async with self._turn:
                answer = await self._client.get(f"{self._url}{session_id}")
            return bool(answer.raise_for_status().json()["data"]["is_live"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise Unavailable("Sessions cannot be checked at the moment", code="identity_unavailable") from error
