"""Encryption of data in events: with a secret that two services share (Seal) or for a public key (SealedBox)."""

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
KEY_BYTES = 32
MIN_SECRET_LENGTH = 32
LOCAL_SECRET = "known to everybody, so for local mode only"  # noqa: S105


class CannotUnsealError(Exception):
    """Encrypted with another secret or for another purpose, or altered."""


class Cipher:
    """AES-256-GCM with one 32-byte key and a random nonce per message."""

    def __init__(self, key: bytes) -> None:
        self._aes = AESGCM(key)

    def seal(self, content: bytes, purpose: str) -> bytes:
        """Encrypt; `purpose` is authenticated with the content, and unseal must name the same."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aes.encrypt(nonce, content, purpose.encode())

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Raises CannotUnsealError."""
        try:
            return self._aes.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise CannotUnsealError(f"{purpose} was encrypted with another secret, or altered") from error


class Seal:
    """Encrypts small JSON objects of strings into strings, with a secret that both services share."""

    def __init__(self, secret: str) -> None:
        self._cipher = Cipher(derive_key(secret, b"dukan.sealed-messages"))

    def close(self, content: Mapping[str, str | None], purpose: str) -> str:
        return urlsafe_b64encode(self._cipher.seal(json.dumps(dict(content)).encode(), purpose)).decode()

    def open(self, sealed: str, purpose: str) -> dict[str, str | None]:
        """Raises CannotUnsealError."""
        try:
            content = urlsafe_b64decode(sealed)
        except ValueError as error:
            raise CannotUnsealError(f"{purpose} is not an encrypted text") from error
        opened: dict[str, str | None] = json.loads(self._cipher.unseal(content, purpose))
        return opened


class SealedBox:
    """Encryption for the holder of a private key, as libsodium's sealed boxes and the base mode of RFC 9180 (HPKE).

    Each message has an ephemeral key pair: X25519 (RFC 7748) gives a shared secret, HKDF-SHA256 (RFC 5869; the salt is
    both public keys, the info is the purpose) derives a key, AES-256-GCM encrypts. A sealed message is the ephemeral
    public key (32 bytes), the nonce and the ciphertext. Keys are 32 raw bytes. The sender is not authenticated.
    """

    @staticmethod
    def key_pair() -> tuple[bytes, bytes]:
        """A private key and its public key."""
        private = X25519PrivateKey.generate()
        return private.private_bytes_raw(), private.public_key().public_bytes_raw()

    @staticmethod
    def close(public_key: bytes, content: bytes, purpose: str) -> bytes:
        """Encrypt. Raises ValueError if `public_key` is not a public key."""
        ephemeral = X25519PrivateKey.generate()
        shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public_key))
        ephemeral_public = ephemeral.public_key().public_bytes_raw()
        return ephemeral_public + _box_cipher(shared, ephemeral_public + public_key, purpose).seal(content, purpose)

    @staticmethod
    def open(private_key: bytes, sealed: bytes, purpose: str) -> bytes:
        """Raises CannotUnsealError."""
        private = X25519PrivateKey.from_private_bytes(private_key)
        ephemeral_public, content = sealed[:KEY_BYTES], sealed[KEY_BYTES:]
        try:
            shared = private.exchange(X25519PublicKey.from_public_bytes(ephemeral_public))
        except ValueError as error:
            raise CannotUnsealError(f"{purpose} is not an encrypted content") from error
        both = ephemeral_public + private.public_key().public_bytes_raw()
        return _box_cipher(shared, both, purpose).unseal(content, purpose)


def _box_cipher(shared: bytes, public_keys: bytes, purpose: str) -> Cipher:
    info = b"dukan.box\0" + purpose.encode()
    return Cipher(HKDF(SHA256(), KEY_BYTES, salt=public_keys, info=info).derive(shared))


def derive_key(secret: str, purpose: bytes) -> bytes:
    """A 32-byte key for one purpose (HKDF, RFC 5869), so that keys for different purposes are independent."""
    return HKDF(SHA256(), 32, salt=None, info=purpose).derive(secret.encode())
