"""Small secrets on their way from one service to another, readable by nobody in between: sealed with AES-256-GCM."""

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE = 12
SHORTEST_SECRET = 32
LOCAL_SECRET = "known to everybody, so for local mode only"  # noqa: S105


class CannotUnsealError(Exception):
    """Sealed under another secret or for another purpose, or altered."""


class Cipher:
    """AES-256-GCM under one 32-byte key; every sealing takes a nonce of its own."""

    def __init__(self, key: bytes) -> None:
        self._aes = AESGCM(key)

    def seal(self, content: bytes, purpose: str) -> bytes:
        """`purpose` is bound to the content: it opens for nothing else."""
        nonce = os.urandom(NONCE)
        return nonce + self._aes.encrypt(nonce, content, purpose.encode())

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Raises CannotUnsealError."""
        try:
            return self._aes.decrypt(sealed[:NONCE], sealed[NONCE:], purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise CannotUnsealError(f"{purpose} was sealed under another secret, or altered") from error


class Seal:
    """Seals small JSON objects of texts into texts, under a secret that both sides are given."""

    def __init__(self, secret: str) -> None:
        self._cipher = Cipher(derived(secret, b"dukan.sealed-messages"))

    def close(self, content: Mapping[str, str | None], purpose: str) -> str:
        return urlsafe_b64encode(self._cipher.seal(json.dumps(dict(content)).encode(), purpose)).decode()

    def open(self, sealed: str, purpose: str) -> dict[str, str | None]:
        """Raises CannotUnsealError."""
        try:
            content = urlsafe_b64decode(sealed)
        except ValueError as error:
            raise CannotUnsealError(f"{purpose} is no sealed text") from error
        opened: dict[str, str | None] = json.loads(self._cipher.unseal(content, purpose))
        return opened


def derived(secret: str, purpose: bytes) -> bytes:
    """A 32-byte key for one purpose (HKDF, RFC 5869), so that nothing made for one is good for another."""
    return HKDF(SHA256(), 32, salt=None, info=purpose).derive(secret.encode())
