"""An issuer of access tokens for tests: signs with its own Ed25519 key and serves the key set in process."""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from common import clock
from common.ids import new_id
from common.security.key_set import KeySet
from common.security.revocations import RevocationList
from common.security.tokens import TokenVerifier

ISSUER = "https://dukan.local"
AUDIENCE = "dukan"
KEY_ID = "test-key"


class TestIssuer:
    __test__ = False  # pytest must not collect it

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()

    def bearer(
        self, user_id: UUID | None = None, roles: Iterable[str] = ("customer",), **claims: Any
    ) -> dict[str, str]:
        """The `Authorization` header of a new session of the user (of a new user without `user_id`)."""
        return {"Authorization": f"Bearer {self.token(user_id, roles, **claims)}"}

    def token(self, user_id: UUID | None = None, roles: Iterable[str] = ("customer",), **claims: Any) -> str:
        """A signed token. The given claims override; claims given as None are omitted."""
        return self.sign(self.claims(user_id, roles, **claims))

    def claims(self, user_id: UUID | None, roles: Iterable[str], **claims: Any) -> dict[str, Any]:
        issued = clock.now()
        standard = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id or new_id()),
            "sid": str(new_id()),
            "jti": str(new_id()),
            "iat": int(issued.timestamp()),
            "exp": int((issued + timedelta(minutes=15)).timestamp()),
            "roles": list(roles),
            "scope": "",
        }
        return {name: value for name, value in (standard | claims).items() if value is not None}

    def sign(self, claims: dict[str, Any], headers: dict[str, Any] | None = None) -> str:
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": KEY_ID} | (headers or {}))

    def jwk(self) -> dict[str, Any]:
        """The public key as auth publishes it."""
        public: dict[str, Any] = json.loads(OKPAlgorithm.to_jwk(self._key.public_key()))
        return public | {"kid": KEY_ID, "use": "sig", "alg": "EdDSA"}

    def verifier(self) -> TokenVerifier:
        """A verifier that trusts this issuer and has no revocations."""
        return TokenVerifier(KeySet(self._jwks), RevocationList(_none_revoked), issuer=ISSUER, audience=AUDIENCE)

    async def _jwks(self) -> dict[str, Any]:
        return {"keys": [self.jwk()]}


async def _none_revoked() -> dict[str, Any]:
    return {"data": []}
