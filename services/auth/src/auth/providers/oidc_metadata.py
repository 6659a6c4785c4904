"""What an issuer publishes: its metadata (OpenID Connect Discovery) and its keys, kept for an hour."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from auth.providers import oidc_calls
from auth.providers.oidc_calls import AWAY, Line, away
from common.security.fetch import Fetch
from common.security.key_set import FITTING, KeySet

log = logging.getLogger(__name__)

KEPT = 3600.0
RETRY_AFTER_FAILURE = 5.0
ALGORITHMS = tuple(name for names in FITTING.values() for name in names)
THE_ONLY_ONE = "the only one"


class Metadata(BaseModel):
    """What the issuer says of itself, as far as it matters here."""

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
        """Those that both sides take; never a symmetric one, never `none`."""
        return [name for name in ALGORITHMS if name in self.id_token_signing_alg_values_supported]

    @property
    def urls(self) -> Sequence[str]:
        own = (self.authorization_endpoint, self.token_endpoint, self.jwks_uri, self.userinfo_endpoint)
        return [url for url in own if url is not None]


class Published:
    """The old metadata and keys serve while the issuer is away."""

    def __init__(self, line: Line, schemes: Sequence[str]) -> None:
        self._line = line
        self._schemes = schemes
        self._metadata: Metadata | None = None
        self._keys: KeySet | None = None
        self._fetching = asyncio.Lock()
        self._next_fetch = 0.0

    async def known(self) -> tuple[Metadata, KeySet]:
        """Raises Unavailable."""
        async with self._fetching:
            if time.monotonic() >= self._next_fetch:
                await self._renew()
        if self._metadata is None or self._keys is None:
            raise away()
        return self._metadata, self._keys

    async def _renew(self) -> None:
        self._next_fetch = time.monotonic() + RETRY_AFTER_FAILURE
        issuer = self._line.entry.issuer
        try:
            # Both together are one call to whoever waits.
            async with asyncio.timeout(oidc_calls.LONGEST_CALL):
                url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
                metadata = self._checked(Metadata.model_validate(await self._line.fetch(url)()), issuer)
                keys = KeySet(_naming(self._line.fetch(metadata.jwks_uri)), metadata.algorithms)
                await keys.refresh()
        except AWAY as error:
            log.warning("the issuer %s cannot be used: %r", self._line.name, error)
            return
        self._metadata, self._keys = metadata, keys
        self._next_fetch = time.monotonic() + KEPT

    def _checked(self, metadata: Metadata, issuer: str) -> Metadata:
        if metadata.issuer != issuer:
            raise ValueError("the metadata is another issuer's")
        if not metadata.algorithms:
            raise ValueError("the issuer signs with nothing that is trusted here")
        for url in metadata.urls:
            if urlsplit(url).scheme not in self._schemes:
                raise ValueError(f"{url} is no https URL")
        return metadata


def _naming(fetch: Fetch) -> Fetch:
    """A set of one key need not name it (RFC 7517, 4.5)."""

    async def named() -> Any:
        document = await fetch()
        match document:
            case {"keys": [{**key}]} if "kid" not in key:
                return {"keys": [key | {"kid": THE_ONLY_ONE}]}
        return document

    return named
