"""Access tokens: JWTs signed with Ed25519, verified by each service against auth's key set.

Nothing here knows a web framework; the gateway uses it as it is. Sources: RFC 7519 (JWT), RFC 8037 (EdDSA in JOSE),
RFC 8725 (JWT best current practices: one algorithm, chosen by us and not by the token).
"""

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import jwt
from jwt.types import Options

from common import clock, metrics
from common.errors import Unauthenticated
from common.security.key_set import KeySet
from common.security.permissions import Permission, permits
from common.security.revocations import RevocationList

ALGORITHM = "EdDSA"
REQUIRED_CLAIMS = ["iss", "aud", "sub", "sid", "jti", "iat", "exp"]
CLOCK_SKEW = 5
LONGEST_TOKEN = 8192
LATEST = 253_402_300_799
"""The end of the year 9999, after which no calendar here goes on."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls. `expires_at` is in seconds since the epoch; `csrf` is what a page shows the hash of (see cookies)."""

    user_id: UUID
    session_id: UUID
    token_id: str
    roles: frozenset[str]
    scope: frozenset[str]
    expires_at: int
    csrf: str = ""

    def may(self, permission: Permission) -> bool:
        """Whether a role of the caller grants it."""
        return permits(self.roles, permission)


class TokenVerifier:
    """Turns an access token into an Identity, or raises Unauthenticated with a code that says why.

    A verified token is remembered until it expires (a signature costs 90 µs, a look-up 2 µs); revocation is looked up
    every time.
    """

    def __init__(
        self, keys: KeySet, revocations: RevocationList, *, issuer: str, audience: str, remembered: int = 20_000
    ) -> None:
        self.keys = keys
        self.revocations = revocations
        self._issuer = issuer
        self._audience = audience
        self._capacity = remembered
        # Keyed by hash, so that a memory dump or a debugger shows no usable token.
        self._known: OrderedDict[bytes, Identity] = OrderedDict()
        self._withdrawals_seen = keys.withdrawals

    @property
    def ready(self) -> bool:
        """Whether keys and revocations have been loaded; before, valid tokens are refused or revoked ones let in."""
        return self.keys.known and self.revocations.loaded

    async def verify(self, token: str) -> Identity:
        """The token's identity. May fetch the key set when it meets a new key id."""
        digest = sha256(token.encode()).digest()
        try:
            return self._recall(digest) or await self._learn(token, digest)
        except Unauthenticated as refusal:
            metrics.TOKENS_REFUSED.labels(refusal.code).inc()
            raise

    def _recall(self, digest: bytes) -> Identity | None:
        if self._withdrawals_seen != self.keys.withdrawals:
            self._known.clear()
            self._withdrawals_seen = self.keys.withdrawals
        identity = self._known.get(digest)
        if identity is None:
            return None
        try:
            self._check_current(identity)
        except Unauthenticated:
            del self._known[digest]
            raise
        self._known.move_to_end(digest)
        return identity

    async def _learn(self, token: str, digest: bytes) -> Identity:
        key = await self.keys.find(_key_id(token))
        if key is None:
            raise _invalid()
        identity = _identity(self._decode(token, key))
        self._check_current(identity)
        self._known[digest] = identity
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)
        return identity

    def _decode(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        # Times are checked below by the process's own clock, which tests may set.
        untimed: Options = {"require": REQUIRED_CLAIMS, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
        try:
            return jwt.decode(
                token, key, algorithms=[ALGORITHM], issuer=self._issuer, audience=self._audience, options=untimed
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _invalid() from error

    def _check_current(self, identity: Identity) -> None:
        if identity.expires_at <= clock.now().timestamp():
            raise Unauthenticated("The access token has expired", code="token_expired")
        if identity.session_id in self.revocations:
            raise Unauthenticated("The session has ended", code="session_revoked")


def _invalid() -> Unauthenticated:
    return Unauthenticated("The access token is not valid", code="token_invalid")


def _key_id(token: str) -> str:
    if len(token) > LONGEST_TOKEN:
        raise _invalid()
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise _invalid() from error
    key_id = header.get("kid")
    if header.get("alg") != ALGORITHM or not isinstance(key_id, str) or not key_id:
        raise _invalid()
    return key_id


def _identity(claims: dict[str, Any]) -> Identity:
    try:
        expires_at, issued_at, not_before = (_seconds(claims.get(name, 0)) for name in ("exp", "iat", "nbf"))
        identity = Identity(
            user_id=UUID(claims["sub"]),
            session_id=UUID(claims["sid"]),
            token_id=str(claims["jti"]),
            roles=_words(claims.get("roles", [])),
            scope=_words(str(claims.get("scope") or "").split()),
            expires_at=expires_at,
            csrf=str(claims.get("csrf") or ""),
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise _invalid() from error
    if max(issued_at, not_before) > clock.now().timestamp() + CLOCK_SKEW:
        raise Unauthenticated("The access token is not valid yet", code="token_not_yet_valid")
    return identity


def _seconds(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("a time claim is a whole number of seconds")
    if not 0 <= value <= LATEST:
        raise ValueError("a time claim is a time that there is")
    return value


def _words(values: object) -> frozenset[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError("roles are a list of strings")
    return frozenset(values)
