"""Signed URLs of private images, which expire.

A signature is valid for one variant of one image until its expiry. The expiry is rounded, so that an image has the
same URL for an hour and browsers can cache it.
"""

import hmac
from base64 import urlsafe_b64encode
from uuid import UUID

from common import clock
from common.errors import Forbidden
from common.security.encryption import derive_key

HOUR_SECONDS = 3600


def path_of(media_id: UUID, variant: str) -> str:
    """The path below the gateway's address."""
    return f"/api/v1/media/{media_id}/{variant}"


class InvalidSignature(Forbidden):
    code = "invalid_signature"
    message = "The signature does not match the image and its expiry"


class UrlExpired(Forbidden):
    code = "url_expired"
    message = "The URL has expired: request a new one"


class MediaUrls:
    """Signs and verifies, with a secret that auth and catalog share."""

    def __init__(self, secret: str) -> None:
        self._key = derive_key(secret, b"dukan.media-urls")

    def signed(self, media_id: UUID, variant: str) -> str:
        """Path and query, valid for one to two hours."""
        expires = str((_now() // HOUR_SECONDS + 2) * HOUR_SECONDS)
        signature = self._signature(media_id, variant, expires)
        return f"{path_of(media_id, variant)}?expires={expires}&signature={signature}"

    def seconds_left(self, media_id: UUID, variant: str, expires: str, signature: str) -> int:
        """How long the URL with these parameters is valid. Raises InvalidSignature or UrlExpired."""
        if not hmac.compare_digest(self._signature(media_id, variant, expires).encode(), signature.encode()):
            raise InvalidSignature
        if (left := int(expires) - _now()) <= 0:
            raise UrlExpired
        return left

    def _signature(self, media_id: UUID, variant: str, expires: str) -> str:
        digest = hmac.digest(self._key, f"{media_id}/{variant}/{expires}".encode(), "sha256")
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _now() -> int:
    return int(clock.now().timestamp())
