"""Where pictures are found. A private one by a URL that says until when, signed by who may show it.

A signature is good for one variant of one picture until one moment. The moment is rounded, so that a picture has the
same URL for an hour and whoever loaded it need not load it again.
"""

import hmac
from base64 import urlsafe_b64encode
from uuid import UUID

from common import clock
from common.errors import Forbidden
from common.security.encryption import derive_key

HOUR = 3600


class InvalidSignature(Forbidden):
    code = "invalid_signature"
    message = "The signature is not of this picture and time"


class UrlExpired(Forbidden):
    code = "url_expired"
    message = "The URL has expired: ask for a new one"


def path_of(media_id: UUID, variant: str) -> str:
    """Below the gateway's address."""
    return f"/api/v1/media/{media_id}/{variant}"


class MediaUrls:
    """Signs and checks, under a secret that auth and catalog are given."""

    def __init__(self, secret: str) -> None:
        self._key = derive_key(secret, b"dukan.media-urls")

    def signed(self, media_id: UUID, variant: str) -> str:
        """Path and query; good for one hour at least and two at most."""
        expires = str((_now() // HOUR + 2) * HOUR)
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
