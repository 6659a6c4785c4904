"""An issuer's metadata (OpenID Connect Discovery) and keys, cached for an hour."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from auth.errors import IssuerUnavailable
from auth.oidc.providers import http
from auth.oidc.providers.http import FAILED_CALL, IssuerClient
from common.security.fetch import Fetch
from common.security.key_set import ALGORITHMS_BY_KEY, KeySet

log = logging.getLogger(__name__)

CACHE_SECONDS = 3600.0
RETRY_SECONDS = 5.0
ALGORITHMS = tuple(name for names in ALGORITHMS_BY_KEY.values() for name in names)
SOLE_KEY_ID = "sole"


class Metadata(BaseModel):
    """The part of the issuer's metadata that is used here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    id_token_signing_alg_values_supported: list[str] = ["RS256"]
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False

    @property
    def algorithms(self) -> Sequence[str]:
        """Those that both sides support; never a symmetric one, never `none`."""
        return [name for name in ALGORITHMS if name in self.id_token_signing_alg_values_supported]

    @property
    def urls(self) -> Sequence[str]:
        endpoints = (self.authorization_endpoint, self.token_endpoint, self.jwks_uri, self.userinfo_endpoint)
        return [url for url in endpoints if url is not None]


class Discovery:
    """Serves stale metadata and keys while the issuer is unavailable."""

    def __init__(self, client: IssuerClient, schemes: Sequence[str]) -> None:
        self._client = client
        self._schemes = schemes
        self._metadata: Metadata | None = None
        self._keys: KeySet | None = None
        self._fetching = asyncio.Lock()
        self._next_fetch = 0.0

    async def get(self) -> tuple[Metadata, KeySet]:
        """Raises IssuerUnavailable."""
        async with self._fetching:
            if time.monotonic() >= self._next_fetch:
                await self._refresh()
        if self._metadata is None or self._keys is None:
            raise IssuerUnavailable
        return self._metadata, self._keys

    async def _refresh(self) -> None:
        self._next_fetch = time.monotonic() + RETRY_SECONDS
        issuer = self._client.entry.issuer
        try:
            # A person waits for both: together they may take as long as one call.
            async with asyncio.timeout(http.CALL_TIMEOUT_SECONDS):
                url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
                metadata = self._check(Metadata.model_validate(await self._client.fetch(url)()), issuer)
                keys = KeySet(_with_key_id(self._client.fetch(metadata.jwks_uri)), metadata.algorithms)
                await keys.refresh()
        except FAILED_CALL as error:
            log.warning("the issuer %s cannot be used: %r", self._client.name, error)
            return
        self._metadata, self._keys = metadata, keys
        self._next_fetch = time.monotonic() + CACHE_SECONDS

    def _check(self, metadata: Metadata, issuer: str) -> Metadata:
        if metadata.issuer != issuer:
            raise ValueError("the metadata is another issuer's")
        if not metadata.algorithms:
            raise ValueError("the issuer supports no signature algorithm that is trusted here")
        for url in metadata.urls:
            if urlsplit(url).scheme not in self._schemes:
                raise ValueError(f"{url} is not an https URL")
        return metadata


def _with_key_id(fetch: Fetch) -> Fetch:
    """Gives the key of a set of one an id: it need not have one (RFC 7517, 4.5)."""

    async def fetch_with_key_id() -> Any:
        document = await fetch()
        match document:
            case {"keys": [{**key}]} if "kid" not in key:
                return {"keys": [key | {"kid": SOLE_KEY_ID}]}
        return document

    return fetch_with_key_id
