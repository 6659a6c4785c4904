"""JSON from another host, bounded in size and time: the host may be slow, endless, deeply nested or redirect."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

FETCH_SECONDS = 5.0
"""For the whole response: a time-out per read would let it trickle for ever."""
MAX_BYTES = 256 * 1024

Fetch = Callable[[], Awaitable[Any]]


class UnreadableResponseError(ValueError):
    """Too long, or not valid JSON."""


def fetch_json(
    client: httpx.AsyncClient, url: str, *, max_bytes: int = MAX_BYTES, seconds: float = FETCH_SECONDS
) -> Fetch:
    """A function that fetches `url` as JSON; it raises httpx.HTTPError, TimeoutError or ValueError."""

    async def fetch() -> Any:
        async with asyncio.timeout(seconds), client.stream("GET", url, headers=PLAIN) as response:
            # A redirect is an error too: only the configured host is trusted.
            response.raise_for_status()
            return await read_json(response, max_bytes)

    return fetch


# Uncompressed, so that the bound on bytes read is a bound on bytes parsed.
PLAIN = {"Accept": "application/json", "Accept-Encoding": "identity"}


async def read_json(response: httpx.Response, max_bytes: int = MAX_BYTES) -> Any:
    """The parsed body of a streamed response. Raises UnreadableResponseError."""
    content = bytearray()
    async for part in response.aiter_raw():
        content += part
        if len(content) > max_bytes:
            raise UnreadableResponseError(f"the response is longer than {max_bytes} bytes")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnreadableResponseError("the response is not JSON") from error
