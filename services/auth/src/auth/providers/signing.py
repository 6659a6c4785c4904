"""Ed25519 keys and the access tokens they sign (RFC 8037)."""

import random
import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth.providers.vault import Vault
from common.ids import new_id
from common.security.cookies import csrf_claim

ALGORITHM = "EdDSA"
SHORTENED_BY = 0.05
REMEMBERED = 10.0
"""Seconds for which a process signs with the key it has; far less than a retired key stays published."""


@dataclass(frozen=True, slots=True)
class NewKey:
    kid: str
    public: bytes
    private: bytes


@dataclass(frozen=True, slots=True)
class AccessToken:
    text: str
    issued_at: datetime
    expires_at: datetime

    @property
    def expires_in(self) -> int:
        """Seconds."""
        return int((self.expires_at - self.issued_at).total_seconds())


def generate() -> NewKey:
    """A key pair, named by its RFC 7638 thumbprint."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    thumbprint = sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{_base64(public)}"}}'.encode()).digest()
    return NewKey(_base64(thumbprint), public, private.private_bytes_raw())


def as_jwk(kid: str, public: bytes) -> dict[str, str]:
    """The public key as published."""
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": ALGORITHM, "kid": kid, "x": _base64(public)}


class Signer:
    """Signs with the active key of the database, which its user brings (`adopt`) whenever `is_stale`."""

    def __init__(self, vault: Vault, *, issuer: str, audience: str, lifetime: timedelta) -> None:
        self._vault = vault
        self._issuer = issuer
        self._audience = audience
        self._lifetime = lifetime
        self._kid = ""
        self._key: Ed25519PrivateKey | None = None
        self._adopted = 0.0

    @property
    def is_stale(self) -> bool:
        return self._key is None or time.monotonic() - self._adopted > REMEMBERED

    def adopt(self, kid: str, sealed_private: bytes) -> None:
        """Sign with this key from now on. Raises CannotUnsealError."""
        if kid != self._kid or self._key is None:
            self._key = Ed25519PrivateKey.from_private_bytes(self._vault.unseal(sealed_private, kid))
            self._kid = kid
        self._adopted = time.monotonic()

    def forget(self) -> None:
        """Sign with nothing before a key is adopted anew."""
        self._key, self._kid = None, ""

    def sign(
        self,
        user_id: UUID,
        session_id: UUID,
        roles: list[str],
        now: datetime,
        *,
        scope: Sequence[str] = (),
        until: datetime | None = None,
    ) -> AccessToken:
        """Good for its lifetime, `until` at most; without a scope for whatever the roles allow."""
        if self._key is None:
            raise RuntimeError("a signer signs once it has adopted a key")
        expires_at = now + self._lifetime * (1 - random.uniform(0, SHORTENED_BY))  # noqa: S311 (spreads load)
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
            # A page that is signed in by cookies shows what this is the hash of (see common.security.cookies).
            "csrf": csrf_claim(self._vault.csrf_token(session_id)),
        }
        text = jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self._kid})
        return AccessToken(text, issued, expires)


def _base64(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
