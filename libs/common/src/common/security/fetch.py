"""JSON from another host, within bounds: it may be slow, endless, nested without end, or point elsewhere."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

LONGEST_FETCH = 5.0
"""Seconds for the whole answer: a time-out per read would let it drip for ever."""
MOST_BYTES = 256 * 1024

Fetch = Callable[[], Awaitable[Any]]


class UnreadableResponseError(ValueError):
    """Too long, or no JSON that one could read."""


def fetch_json(
    client: httpx.AsyncClient, url: str, *, most_bytes: int = MOST_BYTES, seconds: float = LONGEST_FETCH
) -> Fetch:
    """A fetch of `url` as JSON; raises httpx.HTTPError, TimeoutError or ValueError when there is no such answer."""

    async def fetch() -> Any:
        async with asyncio.timeout(seconds), client.stream("GET", url, headers=PLAIN) as answer:
            # A redirect is an error as well: nobody but the one who was asked says what is true.
            answer.raise_for_status()
            return await read_json(answer, most_bytes)

    return fetch


# Uncompressed, so that a bound on what is read bounds what it becomes.
PLAIN = {"Accept": "application/json", "Accept-Encoding": "identity"}


async def read_json(answer: httpx.Response, most_bytes: int = MOST_BYTES) -> Any:
    """The body of a streamed answer. Raises UnreadableResponseError."""
    content = bytearray()
    async for part in answer.aiter_raw():
        content += part
        if len(content) > most_bytes:
            raise UnreadableResponseError(f"the answer is longer than {most_bytes} bytes")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnreadableResponseError("the answer is no JSON") from error
