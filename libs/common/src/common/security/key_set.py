"""The public keys of auth or of an OpenID Connect issuer (a JWKS, RFC 7517), fetched, validated and cached.

A failed fetch never evicts valid keys. An unknown key id causes one fetch, shared by all requests that wait for it,
and then none for a while, so that forged key ids cannot flood the issuer with requests.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from common.security.fetch import Fetch

log = logging.getLogger(__name__)

COOL_DOWN_SECONDS = 30.0
"""No fetch for so long after one that succeeded."""
RETRY_SECONDS = 1.0
MAX_KEYS = 32

MAX_KEY_ID_LENGTH = 512
RSA_BITS = range(2048, 8193)

AUTH_ALGORITHMS = ("EdDSA",)
"""What auth signs with."""
# By key type and curve, the default first.
ALGORITHMS_BY_KEY: Mapping[tuple[Any, Any], Sequence[str]] = {
    ("OKP", "Ed25519"): ("EdDSA",),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
}


class UntrustedKeysError(Exception):
    """The document is not a key set that can be trusted."""


class KeySet:
    """The trusted keys by key id. `fetch` returns the JWKS document, parsed; only `algorithms` are trusted."""

    def __init__(self, fetch: Fetch, algorithms: Sequence[str] = AUTH_ALGORITHMS) -> None:
        self._fetch = fetch
        self._algorithms = algorithms
        self._keys: dict[str, jwt.PyJWK] = {}
        self._revoked: set[str] = set()
        self._fetching = asyncio.Lock()
        self._next_fetch = 0.0
        self.revocations = 0
        """Counts keys revoked or replaced: tokens verified before must be verified again."""

    @property
    def loaded(self) -> bool:
        """Whether there is any key."""
        return bool(self._keys)

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """The key, fetched if it is not cached; None if the issuer does not have it."""
        if (key := self._keys.get(key_id)) is not None:
            return key
        async with self._fetching:
            if key_id not in self._keys and time.monotonic() >= self._next_fetch:
                await self._try_refresh()
        return self._keys.get(key_id)

    async def sole(self) -> jwt.PyJWK | None:
        """The sole key, for tokens without a `kid`; None if the set has several.

        Fetched again unless that was just done: a token without a `kid` cannot reveal that the key was replaced.
        """
        async with self._fetching:
            if time.monotonic() >= self._next_fetch:
                await self._try_refresh()
        return next(iter(self._keys.values())) if len(self._keys) == 1 else None

    def revoke(self, key_ids: Collection[str]) -> None:
        """Never trust these keys again; the next unknown key id is fetched at once."""
        self._revoked.update(key_ids)
        self._keys = self._trusted(self._keys)
        self.revocations += 1
        self._next_fetch = 0.0

    async def refresh(self) -> None:
        """Fetch now. Raises if the fetch fails; the cached keys stay."""
        async with self._fetching:
            await self._refresh()

    async def _try_refresh(self) -> None:
        try:
            await self._refresh()
        except (httpx.HTTPError, OSError, ValueError, UntrustedKeysError) as error:
            log.warning("the key set could not be fetched: %s", error)

    async def _refresh(self) -> None:
        self._next_fetch = time.monotonic() + RETRY_SECONDS
        # A document requested before a revocation may arrive after it.
        fresh = self._trusted(usable_keys(await self._fetch(), self._algorithms))
        if any(fresh.get(key_id) is None or fresh[key_id].key != key.key for key_id, key in self._keys.items()):
            self.revocations += 1
        self._keys = fresh
        self._next_fetch = time.monotonic() + COOL_DOWN_SECONDS

    def _trusted(self, keys: Mapping[str, jwt.PyJWK]) -> dict[str, jwt.PyJWK]:
        return {key_id: key for key_id, key in keys.items() if key_id not in self._revoked}


def usable_keys(document: Any, algorithms: Sequence[str] = AUTH_ALGORITHMS) -> dict[str, jwt.PyJWK]:
    """The signature keys of a JWKS by key id, each bound to one of the algorithms.

    Keys for other purposes, of other types or too weak are skipped. Raises UntrustedKeysError if no usable key
    remains, or if two keys share an id: which one verifies must not depend on their order.
    """
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise UntrustedKeysError("the document is not a JWKS")
    identified = [key["kid"] for key in listed if isinstance(key, Mapping) and isinstance(key.get("kid"), str)]
    if len(set(identified)) != len(identified):
        raise UntrustedKeysError("two keys share an id")
    usable = [key for key in listed if isinstance(key, Mapping) and _is_usable(key, algorithms)]
    keys = {key["kid"]: loaded for key in usable if _is_strong(loaded := _load(key))}
    if not keys:
        raise UntrustedKeysError(f"no signature key for {', '.join(algorithms)} in the set")
    return keys


def _is_usable(key: Mapping[str, Any], algorithms: Sequence[str]) -> bool:
    operations, key_id = key.get("key_ops", ["verify"]), key.get("kid")
    return (
        _algorithm(key) in algorithms
        and key.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and isinstance(key_id, str)
        and 0 < len(key_id) <= MAX_KEY_ID_LENGTH
        # A key published with its private part is compromised.
        and "d" not in key
    )


def _algorithm(key: Mapping[str, Any]) -> str | None:
    """The algorithm that the key names, else the default of its type; None if it does not fit the key."""
    kind = (key.get("kty"), key.get("crv"))
    algorithms = ALGORITHMS_BY_KEY.get(kind, ()) if all(isinstance(part, str | None) for part in kind) else ()
    algorithm = key.get("alg", algorithms[0] if algorithms else None)
    return algorithm if algorithm in algorithms else None


def _is_strong(key: jwt.PyJWK) -> bool:
    return not isinstance(key.key, RSAPublicKey) or key.key.key_size in RSA_BITS


def _load(key: Mapping[str, Any]) -> jwt.PyJWK:
    try:
        return jwt.PyJWK(dict(key), algorithm=_algorithm(key))
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise UntrustedKeysError(f"key {key['kid']} cannot be read") from error
