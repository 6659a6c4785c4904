"""Random tokens that auth issues and stores as hashes: refresh tokens, links, grants."""

import secrets
from hashlib import sha256


def new_token() -> str:
    """256 random bits as URL-safe text."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """The stored form; SHA-256 is enough for a secret of 256 random bits."""
    return sha256(token.encode()).digest()
