"""Keys derived from DUKAN_KEY_SECRET, one per purpose: encryption, refresh tokens, hashes of codes and API keys."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

from common.security.encryption import CannotUnsealError, Cipher, derive_key


class Vault:
    """One key per purpose (HKDF, RFC 5869), so that a value made for one purpose is not valid for another."""

    def __init__(self, secret: str) -> None:
        self._cipher = Cipher(derive_key(secret, b"dukan.auth.signing-keys"))
        self._rotation = derive_key(secret, b"dukan.auth.refresh-tokens")
        self._codes = derive_key(secret, b"dukan.auth.one-time-codes")
        self._api_keys = derive_key(secret, b"dukan.auth.api-keys")
        self._csrf = derive_key(secret, b"dukan.auth.csrf")
        self._devices = derive_key(secret, b"dukan.auth.devices")

    def seal(self, content: bytes, name: str) -> bytes:
        """Encrypt (AES-256-GCM); `name` is bound to the content, so rows cannot be swapped."""
        return self._cipher.seal(content, name)

    def unseal(self, sealed: bytes, name: str) -> bytes:
        try:
            return self._cipher.unseal(sealed, name)
        except CannotUnsealError as error:
            raise CannotUnsealError(f"{name} was sealed under another DUKAN_KEY_SECRET") from error

    def child_of(self, refresh_token: str) -> str:
        """The next refresh token, always the same for one parent: a repeated request needs no token stored in clear."""
        child = hmac.digest(self._rotation, refresh_token.encode(), "sha256")
        return _base64(child)

    def code_digest(self, *parts: str) -> bytes:
        """A keyed hash, for values short enough to be guessed from a plain one: six digits, an e-mail address."""
        return hmac.digest(self._codes, "\0".join(parts).encode(), "sha256")

    def api_key_digest(self, text: str) -> bytes:
        """The stored form of an API key; 256 random bits need no slow hash."""
        return hmac.digest(self._api_keys, text.encode(), "sha256")

    def csrf_token(self, session_id: UUID) -> str:
        """The token that a page sends beside the cookies of this session."""
        return _base64(hmac.digest(self._csrf, session_id.bytes, "sha256"))

    def device_token(self, account_id: UUID, device_id: UUID) -> str:
        """What a device that has signed in shows, with the account's next password, to be told from strangers."""
        return _base64(device_id.bytes + self._device_proof(account_id, device_id))

    def device_of(self, token: str, account_id: UUID) -> UUID | None:
        """The device of a token for this account; None if it is not valid."""
        try:
            content = urlsafe_b64decode(token + "=" * (-len(token) % 4))
            device_id = UUID(bytes=content[:16])
        except ValueError:
            return None
        is_valid = hmac.compare_digest(content[16:], self._device_proof(account_id, device_id))
        return device_id if is_valid else None

    def _device_proof(self, account_id: UUID, device_id: UUID) -> bytes:
        return hmac.digest(self._devices, account_id.bytes + device_id.bytes, "sha256")


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
