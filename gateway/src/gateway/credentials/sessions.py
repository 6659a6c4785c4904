"""Asks auth whether sessions are still active, on behalf of the connections that are open for them."""

import asyncio
from uuid import UUID

import httpx

from gateway.errors import IdentityUnavailable

PATH = "/internal/sessions/"
MAX_CONCURRENT_REQUESTS = 20
"""All open connections may be due at the same time."""


class SessionClient:
    """Asks auth at `url`."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url + PATH
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)

    async def is_active(self, session_id: UUID) -> bool:
        """Raises IdentityUnavailable if auth cannot be asked."""
        try:
            async with self._slots:
                response = await self._client.get(f"{self._url}{session_id}")
            return bool(response.raise_for_status().json()["data"]["is_live"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise IdentityUnavailable("Sessions cannot be checked at the moment") from error
