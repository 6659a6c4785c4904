"""Ed25519 keys and the access tokens they sign (RFC 8037)."""

import random
import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth.signing_keys.domain import AccessToken, KeyPair
from auth.vault import Vault
from common.ids import new_id
from common.security.cookies import csrf_claim
from common.security.tokens import TIME_ZONE_CLAIM

ALGORITHM = "EdDSA"
MAX_JITTER = 0.05
"""The share of its lifetime by which a token may be shortened, at random."""
CACHE_SECONDS = 10.0
"""How long a process signs with the key it has loaded; far less than a retired key stays published."""


def generate_key_pair() -> KeyPair:
    """`kid` is the RFC 7638 thumbprint."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    thumbprint = sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{_base64(public)}"}}'.encode()).digest()
    return KeyPair(_base64(thumbprint), public, private.private_bytes_raw())


def as_jwk(kid: str, public: bytes) -> dict[str, str]:
    """The public key as a JSON Web Key."""
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": ALGORITHM, "kid": kid, "x": _base64(public)}


class Signer:
    """Signs with the active key of the database. The caller loads it with `load` whenever the signer `is_stale`."""

    def __init__(self, vault: Vault, *, issuer: str, audience: str, lifetime: timedelta) -> None:
        self._vault = vault
        self._issuer = issuer
        self._audience = audience
        self._lifetime = lifetime
        self._kid = ""
        self._key: Ed25519PrivateKey | None = None
        self._loaded_at = 0.0

    @property
    def is_stale(self) -> bool:
        return self._key is None or time.monotonic() - self._loaded_at > CACHE_SECONDS

    def load(self, kid: str, sealed_private: bytes) -> None:
        """Raises CannotUnsealError."""
        if kid != self._kid or self._key is None:
            self._key = Ed25519PrivateKey.from_private_bytes(self._vault.unseal(sealed_private, kid))
            self._kid = kid
        self._loaded_at = time.monotonic()

    def reset(self) -> None:
        """Drop the key: it must be loaded again before the next signature."""
        self._key, self._kid = None, ""

    def sign(
        self,
        user_id: UUID,
        session_id: UUID,
        roles: list[str],
        now: datetime,
        *,
        time_zone: str = "UTC",
        scope: Sequence[str] = (),
        until: datetime | None = None,
    ) -> AccessToken:
        """Valid for the configured lifetime, and not after `until`. Without a scope, the roles alone decide."""
        if self._key is None:
            raise RuntimeError("no signing key is loaded")
        expires_at = now + self._lifetime * (1 - random.uniform(0, MAX_JITTER))  # noqa: S311 (spreads load)
        expires_at = min(expires_at, until or expires_at)
        issued = now.replace(microsecond=0)
        expires = expires_at.replace(microsecond=0)
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user_id),
            "sid": str(session_id),
            "jti": str(new_id()),
            "iat": int(issued.timestamp()),
            "exp": int(expires.timestamp()),
            "roles": roles,
            "scope": " ".join(scope),
            # The hash of the token that a page sends beside its cookies (see common.security.cookies).
            "csrf": csrf_claim(self._vault.csrf_token(session_id)),
        }
        if time_zone != "UTC":
            claims[TIME_ZONE_CLAIM] = time_zone
        text = jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self._kid})
        return AccessToken(text, issued, expires)


def _base64(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
