"""Auth's public keys (a JWKS, RFC 7517), fetched, checked and kept.

A failed fetch never evicts good keys. A key id that is not known causes one fetch, shared by all who wait, and then
none for a while, so that forged key ids cannot be used to flood auth.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import jwt

log = logging.getLogger(__name__)

COOL_DOWN = 30.0
"""Seconds without another fetch after one that succeeded."""
RETRY_AFTER_FAILURE = 1.0
MOST_KEYS = 32

Fetch = Callable[[], Awaitable[Any]]


class UntrustedKeysError(Exception):
    """The document is no key set that we would trust."""


def fetch_json(client: httpx.AsyncClient, url: str) -> Fetch:
    """A fetch of `url` as JSON; raises httpx.HTTPError or ValueError when there is no such answer."""

    async def fetch() -> Any:
        answer = await client.get(url, headers={"Accept": "application/json"})
        answer.raise_for_status()
        return answer.json()

    return fetch


class KeySet:
    """The usable keys by key id. `fetch` returns the JWKS document, parsed."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetching = asyncio.Lock()
        self._next_fetch = 0.0
        self.withdrawals = 0
        """How often a key was withdrawn or replaced: what was verified before must be verified anew."""

    @property
    def known(self) -> bool:
        """Whether any key is at hand."""
        return bool(self._keys)

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """The key, fetched if need be; None when auth does not have it either."""
        if (key := self._keys.get(key_id)) is not None:
            return key
        async with self._fetching:
            if key_id not in self._keys and time.monotonic() >= self._next_fetch:
                await self._try_refresh()
        return self._keys.get(key_id)

    async def refresh(self) -> None:
        """Fetch now; raises when it fails, with the old keys still in place. Run on a clock."""
        async with self._fetching:
            await self._refresh()

    async def _try_refresh(self) -> None:
        try:
            await self._refresh()
        except (httpx.HTTPError, OSError, ValueError, UntrustedKeysError) as error:
            log.warning("the key set could not be fetched: %s", error)

    async def _refresh(self) -> None:
        self._next_fetch = time.monotonic() + RETRY_AFTER_FAILURE
        fresh = usable_keys(await self._fetch())
        if any(fresh.get(key_id) is None or fresh[key_id].key != key.key for key_id, key in self._keys.items()):
            self.withdrawals += 1
        self._keys = fresh
        self._next_fetch = time.monotonic() + COOL_DOWN


def usable_keys(document: Any) -> dict[str, jwt.PyJWK]:
    """The Ed25519 signature keys of a JWKS by key id.

    Keys for other purposes or of other types are passed over. UntrustedKeysError when nothing usable remains, or when
    two keys share an id: which of them would verify must not depend on their order.
    """
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise UntrustedKeysError("the document is no JWKS")
    identified = [key["kid"] for key in listed if isinstance(key, Mapping) and isinstance(key.get("kid"), str)]
    if len(set(identified)) != len(identified):
        raise UntrustedKeysError("two keys share an id")
    keys = {key["kid"]: _load(key) for key in listed if isinstance(key, Mapping) and _is_usable(key)}
    if not keys:
        raise UntrustedKeysError("no Ed25519 signature key in the set")
    return keys


def _is_usable(key: Mapping[str, Any]) -> bool:
    operations = key.get("key_ops", ["verify"])
    return (
        key.get("kty") == "OKP"
        and key.get("crv") == "Ed25519"
        and key.get("use", "sig") == "sig"
        and key.get("alg", "EdDSA") == "EdDSA"
        and isinstance(operations, list)
        and "verify" in operations
        and isinstance(key.get("kid"), str)
        and bool(key["kid"])
        and "d" not in key
    )


def _load(key: Mapping[str, Any]) -> jwt.PyJWK:
    try:
        return jwt.PyJWK(dict(key), algorithm="EdDSA")
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise UntrustedKeysError(f"key {key['kid']} cannot be read") from error
