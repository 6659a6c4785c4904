"""A software authenticator."""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

ORIGIN = "https://dukan.local"
SITE = "dukan.local"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
ES256 = -7


def text(content: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def binary(content: str) -> bytes:
    return urlsafe_b64decode(content + "==")


@dataclass
class Authenticator:
    """Holds one passkey; `but` makes a copy that responds differently."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    origin: str = ORIGIN
    site: str = SITE
    flags: int = PRESENT | VERIFIED
    counter: int = 0
    counts: bool = True
    cross_origin: bool = False
    user: bytes | None = None

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """As `navigator.credentials.create(…).toJSON()`."""
        self.user = binary(options["user"]["id"])
        length = len(self.credential_id).to_bytes(2, "big")
        attested = bytes(16) + length + self.credential_id + cbor2.dumps(self.cose_key)
        statement = {"fmt": "none", "attStmt": {}, "authData": self._data(ATTESTED) + attested}
        response = {"attestationObject": text(cbor2.dumps(statement)), "transports": ["internal", "hybrid", "smoke"]}
        return self._credential(self._client_data("webauthn.create", options), response)

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """As `navigator.credentials.get(…).toJSON()`."""
        self.counter += self.counts
        client_data, data = self._client_data("webauthn.get", options), self._data()
        signature = self.key.sign(data + sha256(client_data).digest(), ec.ECDSA(SHA256()))
        response = {"authenticatorData": text(data), "signature": text(signature)}
        if self.user is not None:
            response["userHandle"] = text(self.user)
        return self._credential(client_data, response)

    @property
    def cose_key(self) -> dict[int, Any]:
        """RFC 9053."""
        point = self.key.public_key().public_numbers()
        return {1: 2, 3: ES256, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}

    def but(self, **differing: Any) -> "Authenticator":
        """A copy with the same passkey and other properties."""
        return replace(self, **differing)

    def _data(self, more: int = 0) -> bytes:
        return sha256(self.site.encode()).digest() + bytes([self.flags | more]) + self.counter.to_bytes(4, "big")

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps(said | {"crossOrigin": self.cross_origin}).encode()

    def _credential(self, client_data: bytes, response: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": text(self.credential_id),
            "rawId": text(self.credential_id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {"clientDataJSON": text(client_data)} | response,
        }
