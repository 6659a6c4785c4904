"""What is derived from the one secret that auth is given: sealed private keys and successive refresh tokens."""

import hmac
import os
from base64 import urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE = 12


class CannotUnsealError(Exception):
    """Sealed under another secret, or altered."""


class Vault:
    """One key per purpose (HKDF, RFC 5869), so that nothing made for one is good for another."""

    def __init__(self, secret: str) -> None:
        self._sealing = AESGCM(_derived(secret, b"dukan.auth.signing-keys"))
        self._rotation = _derived(secret, b"dukan.auth.refresh-tokens")

    def seal(self, content: bytes, name: str) -> bytes:
        """Encrypt (AES-256-GCM); `name` is bound to the content, so rows cannot be swapped."""
        nonce = os.urandom(NONCE)
        return nonce + self._sealing.encrypt(nonce, content, name.encode())

    def unseal(self, sealed: bytes, name: str) -> bytes:
        try:
            return self._sealing.decrypt(sealed[:NONCE], sealed[NONCE:], name.encode())
        except (InvalidTag, ValueError) as error:
            raise CannotUnsealError(f"{name} was sealed under another DUKAN_KEY_SECRET") from error

    def child_of(self, refresh_token: str) -> str:
        """The token that follows: always the same for one parent, so a repeat needs nothing stored in clear."""
        child = hmac.digest(self._rotation, refresh_token.encode(), "sha256")
        return urlsafe_b64encode(child).rstrip(b"=").decode()


def _derived(secret: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=purpose).derive(secret.encode())
