"""Small secrets on their way from one service to another, readable by nobody in between: sealed with AES-256-GCM."""

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE = 12
KEY = 32
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
        self._cipher = Cipher(derive_key(secret, b"dukan.sealed-messages"))

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


class SealedBox:
    """What anybody can put something into who has the public key, and only the private key's holder opens.

    For each content a key pair is made and thrown away: X25519 (RFC 7748) with it and the box's gives a shared secret,
    HKDF-SHA256 (RFC 5869; the salt is both public keys, the info the purpose) a key, AES-256-GCM seals. A sealed
    content is the passing public key (32 bytes), the nonce, the ciphertext. Keys are 32 raw bytes. The shape is that of
    RFC 9180's base mode; whoever seals stays unknown, so trust in the sender has to come from elsewhere.
    """

    @staticmethod
    def key_pair() -> tuple[bytes, bytes]:
        """A private key and its public one."""
        private = X25519PrivateKey.generate()
        return private.private_bytes_raw(), private.public_key().public_bytes_raw()

    @staticmethod
    def close(public_key: bytes, content: bytes, purpose: str) -> bytes:
        """Raises ValueError for what is no public key."""
        passing = X25519PrivateKey.generate()
        shared = passing.exchange(X25519PublicKey.from_public_bytes(public_key))
        passing_public = passing.public_key().public_bytes_raw()
        return passing_public + _boxing(shared, passing_public + public_key, purpose).seal(content, purpose)

    @staticmethod
    def open(private_key: bytes, sealed: bytes, purpose: str) -> bytes:
        """Raises CannotUnsealError."""
        private = X25519PrivateKey.from_private_bytes(private_key)
        passing_public, content = sealed[:KEY], sealed[KEY:]
        try:
            shared = private.exchange(X25519PublicKey.from_public_bytes(passing_public))
        except ValueError as error:
            raise CannotUnsealError(f"{purpose} is no sealed content") from error
        both = passing_public + private.public_key().public_bytes_raw()
        return _boxing(shared, both, purpose).unseal(content, purpose)


def _boxing(shared: bytes, public_keys: bytes, purpose: str) -> Cipher:
    info = b"dukan.box\0" + purpose.encode()
    return Cipher(HKDF(SHA256(), KEY, salt=public_keys, info=info).derive(shared))


def derive_key(secret: str, purpose: bytes) -> bytes:
    """A 32-byte key for one purpose (HKDF, RFC 5869), so that nothing made for one is good for another."""
    return HKDF(SHA256(), 32, salt=None, info=purpose).derive(secret.encode())
