"""Exchanges API keys at auth for short-lived access tokens, and caches the tokens until they expire.

If a cached token is rejected because its session has ended, it is dropped and the key exchanged anew. So a revocation
takes effect as soon as SessionRevoked arrives, and auth alone decides whether the key is still valid.
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

import httpx

from common.errors import DukanError, Forbidden, RateLimited, Unauthenticated
from gateway.errors import ApiKeyInvalid, IdentityUnavailable
from gateway.http.client_address import Client

PATH = "/internal/api-keys/exchange"
FORMAT = re.compile(r"dk_[0-9a-f]{16}_[A-Za-z0-9_-]{43}")
MAX_CACHED = 10_000
ERROR_TTL_SECONDS = 3.0
"""Errors are cached too, so that an invalid key does not reach auth with every request."""
EXPIRY_MARGIN_SECONDS = 5.0
"""A token is not used this close to its expiry: it still has to travel to the service."""
EXCHANGE_TIMEOUT_SECONDS = 5.0
"""How long a request waits for a token with uses left, where auth counts every request."""

CacheKey = tuple[bytes, str]


@dataclass(slots=True)
class CachedToken:
    """auth's response to an exchange: a token, with the `uses` left of its lease, or an error."""

    expires_at: float
    token: str = ""
    uses: int | None = None
    error: Callable[[], DukanError] | None = None

    def spend(self) -> str | None:
        """The token for one request; None if its uses are spent. Raises the cached error."""
        if self.error is not None:
            raise self.error()
        if self.uses is None:
            return self.token
        self.uses -= 1
        return self.token if self.uses >= 0 else None


class ApiKeyExchange:
    """Asks auth at `url`. Tokens are cached by the key's hash and, if the key is bound to addresses, the client's."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url + PATH
        self._cached: OrderedDict[CacheKey, CachedToken] = OrderedDict()
        self._in_flight: dict[CacheKey, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._cached)

    async def token_for(self, key: str, client: Client) -> str:
        """An access token for one request with this key. Raises the error with which auth rejects the key."""
        if FORMAT.fullmatch(key) is None:
            raise ApiKeyInvalid
        cache_keys = _cache_keys(key, client)
        deadline = time.monotonic() + EXCHANGE_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            cached = self._find(cache_keys)
            if cached is not None and (token := cached.spend()) is not None:
                return token
            await self._exchange_once(key, client, cache_keys)
        raise _unavailable()

    def forget(self, key: str, client: Client, token: str) -> None:
        """Drop a cached token that is no longer valid."""
        for cache_key in _cache_keys(key, client):
            if (cached := self._cached.get(cache_key)) is not None and cached.token == token:
                del self._cached[cache_key]

    def _find(self, cache_keys: tuple[CacheKey, CacheKey]) -> CachedToken | None:
        for cache_key in cache_keys:
            if (cached := self._cached.get(cache_key)) is not None:
                if time.monotonic() < cached.expires_at:
                    self._cached.move_to_end(cache_key)
                    return cached
                del self._cached[cache_key]
        return None

    async def _exchange_once(self, key: str, client: Client, cache_keys: tuple[CacheKey, CacheKey]) -> None:
        """Concurrent requests share one exchange; a client that disconnects does not cancel it for the others."""
        task = self._in_flight.get(cache_keys[1])
        if task is None:
            task = self._in_flight[cache_keys[1]] = asyncio.create_task(self._exchange(key, client, cache_keys))
            task.add_done_callback(partial(self._on_exchanged, cache_keys[1]))
        await asyncio.shield(task)

    def _on_exchanged(self, cache_key: CacheKey, task: asyncio.Task[None]) -> None:
        del self._in_flight[cache_key]
        if not task.cancelled():
            task.exception()  # retrieved here, because every client that waited may have left

    async def _exchange(self, key: str, client: Client, cache_keys: tuple[CacheKey, CacheKey]) -> None:
        headers = {"X-Forwarded-For": client.ip, "User-Agent": "dukan-gateway"}
        started_at = time.monotonic()
        try:
            response = await self._client.post(self._url, json={"key": key}, headers=headers)
            body = response.json()
        except (httpx.HTTPError, ValueError) as failure:
            raise _unavailable() from failure
        for cache_key in cache_keys:
            # A spent lease, for example: the new response replaces it, whichever of the two keys it gets.
            self._cached.pop(cache_key, None)
        if response.status_code == 200:
            data = body["data"]
            self._store(cache_keys[1] if data["bound"] else cache_keys[0], _cached_token(data, started_at))
        else:
            error = _error_from(response, body)
            self._store(cache_keys[1], CachedToken(started_at + ERROR_TTL_SECONDS, error=error))

    def _store(self, cache_key: CacheKey, cached: CachedToken) -> None:
        self._cached[cache_key] = cached
        self._cached.move_to_end(cache_key)
        if len(self._cached) > MAX_CACHED:
            self._cached.popitem(last=False)


def _cache_keys(key: str, client: Client) -> tuple[CacheKey, CacheKey]:
    """The cache keys of a token for any address and of one for this client's address."""
    digest = sha256(key.encode()).digest()
    return (digest, ""), (digest, client.ip)


def _cached_token(data: Any, started_at: float) -> CachedToken:
    seconds = data["expires_in"]
    lifetime = max(seconds - EXPIRY_MARGIN_SECONDS, seconds / 2)
    return CachedToken(started_at + lifetime, data["access_token"], data["uses"])


def _error_from(response: httpx.Response, body: Any) -> Callable[[], DukanError]:
    """A factory of auth's error, to be raised for each request. Raises IdentityUnavailable, which is not cached."""
    message, code = str(body.get("message")), str(body.get("code"))
    retry_after = float(response.headers.get("retry-after", "1"))
    factories: dict[int, Callable[[], DukanError]] = {
        401: lambda: Unauthenticated(message),
        422: lambda: Unauthenticated(message),
        403: lambda: Forbidden(message),
        429: lambda: RateLimited(retry_after, message),
    }
    factory = factories.get(response.status_code)
    if factory is None:
        raise _unavailable()

    def create() -> DukanError:
        error = factory()
        error.code = code
        return error

    return create


def _unavailable() -> IdentityUnavailable:
    return IdentityUnavailable("API keys cannot be checked at the moment")
