"""The public keys of auth or of another issuer (a JWKS, RFC 7517), fetched, checked and kept.

A failed fetch never evicts good keys. A key id that is not known causes one fetch, shared by all who wait, and then
none for a while, so that forged key ids cannot be used to flood whoever has the keys.
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

COOL_DOWN = 30.0
"""Seconds without another fetch after one that succeeded."""
RETRY_AFTER_FAILURE = 1.0
MOST_KEYS = 32

LONGEST_KEY_ID = 512
RSA_BITS = range(2048, 8193)

OURS = ("EdDSA",)
"""What auth signs with."""
# By kind of key and curve, the usual one first.
FITTING: Mapping[tuple[Any, Any], Sequence[str]] = {
    ("OKP", "Ed25519"): ("EdDSA",),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
}


class UntrustedKeysError(Exception):
    """The document is no key set that we would trust."""


class KeySet:
    """The usable keys by key id. `fetch` returns the JWKS document, parsed; `algorithms` are those trusted."""

    def __init__(self, fetch: Fetch, algorithms: Sequence[str] = OURS) -> None:
        self._fetch = fetch
        self._algorithms = algorithms
        self._keys: dict[str, jwt.PyJWK] = {}
        self._withdrawn: set[str] = set()
        self._fetching = asyncio.Lock()
        self._next_fetch = 0.0
        self.withdrawals = 0
        """How often a key was withdrawn or replaced: what was verified before must be verified anew."""

    @property
    def known(self) -> bool:
        """Whether any key is at hand."""
        return bool(self._keys)

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """The key, fetched if need be; None when the issuer does not have it either."""
        if (key := self._keys.get(key_id)) is not None:
            return key
        async with self._fetching:
            if key_id not in self._keys and time.monotonic() >= self._next_fetch:
                await self._try_refresh()
        return self._keys.get(key_id)

    async def only(self) -> jwt.PyJWK | None:
        """The key, where there is one alone, for tokens that name none; None of several.

        Fetched anew unless that was just done, because nothing in such a token tells of another key.
        """
        async with self._fetching:
            if time.monotonic() >= self._next_fetch:
                await self._try_refresh()
        return next(iter(self._keys.values())) if len(self._keys) == 1 else None

    def withdraw(self, key_ids: Collection[str]) -> None:
        """Never trust these again; whatever stands in their place may be fetched at once."""
        self._withdrawn.update(key_ids)
        self._keys = self._trusted(self._keys)
        self.withdrawals += 1
        self._next_fetch = 0.0

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
        # A document that was asked for before a withdrawal may come after it.
        fresh = self._trusted(usable_keys(await self._fetch(), self._algorithms))
        if any(fresh.get(key_id) is None or fresh[key_id].key != key.key for key_id, key in self._keys.items()):
            self.withdrawals += 1
        self._keys = fresh
        self._next_fetch = time.monotonic() + COOL_DOWN

    def _trusted(self, keys: Mapping[str, jwt.PyJWK]) -> dict[str, jwt.PyJWK]:
        return {key_id: key for key_id, key in keys.items() if key_id not in self._withdrawn}


def usable_keys(document: Any, algorithms: Sequence[str] = OURS) -> dict[str, jwt.PyJWK]:
    """The signature keys of a JWKS by key id, each bound to one of the algorithms.

    Keys for other purposes, of other kinds or too weak are passed over. UntrustedKeysError when nothing usable
    remains, or when two keys share an id: which of them would verify must not depend on their order.
    """
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise UntrustedKeysError("the document is no JWKS")
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
        and 0 < len(key_id) <= LONGEST_KEY_ID
        # A private part that is published is everybody's.
        and "d" not in key
    )


def _algorithm(key: Mapping[str, Any]) -> str | None:
    """The one that the key names, or else the usual of its kind; None when it does not fit the key."""
    kind = (key.get("kty"), key.get("crv"))
    fitting = FITTING.get(kind, ()) if all(isinstance(part, str | None) for part in kind) else ()
    named = key.get("alg", fitting[0] if fitting else None)
    return named if named in fitting else None


def _is_strong(key: jwt.PyJWK) -> bool:
    return not isinstance(key.key, RSAPublicKey) or key.key.key_size in RSA_BITS


def _load(key: Mapping[str, Any]) -> jwt.PyJWK:
    try:
        return jwt.PyJWK(dict(key), algorithm=_algorithm(key))
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise UntrustedKeysError(f"key {key['kid']} cannot be read") from error
