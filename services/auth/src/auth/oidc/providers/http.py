"""Requests to one issuer from here, rather than from a browser.

They go to the URLs of the issuer's own metadata only, never to one that a client sent; redirects are not followed, and
every response is bounded in time and length.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from auth.errors import IssuerUnavailable, OidcCodeInvalid
from auth.oidc.providers.config import ProviderEntry
from common.errors import DukanError
from common.security.fetch import PLAIN, Fetch, fetch_json, read_json
from common.security.key_set import UntrustedKeysError

log = logging.getLogger(__name__)

CALL_TIMEOUT_SECONDS = 3.0
"""A person waits for up to three calls, and the gateway no longer than those take."""
FAILED_CALL = (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, UntrustedKeysError)

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class IssuerClient:
    name: str
    entry: ProviderEntry
    client: httpx.AsyncClient

    def fetch(self, url: str) -> Fetch:
        return fetch_json(self.client, url, seconds=CALL_TIMEOUT_SECONDS)

    async def exchange(self, url: str, form: dict[str, str], *, by_header: bool) -> Claims:
        """The response of the token endpoint. `by_header` sends the client secret in the Authorization header.

        Raises OidcCodeInvalid, and IssuerUnavailable without a usable response.
        """
        form, auth = self._credentials(form, by_header=by_header)
        options: dict[str, Any] = {"data": form, "headers": PLAIN} | ({"auth": auth} if auth else {})
        try:
            async with asyncio.timeout(CALL_TIMEOUT_SECONDS), self.client.stream("POST", url, **options) as response:
                tokens = await read_json(response)
        except FAILED_CALL as error:
            raise IssuerUnavailable from error
        if not isinstance(tokens, Mapping):
            raise IssuerUnavailable
        if response.status_code != 200:
            raise self._rejection(response.status_code, tokens.get("error"))
        return tokens

    async def userinfo(self, url: str, access_token: str) -> Claims | None:
        """Claims about the person whom the token is for; empty if the issuer signs them, None without a response."""
        headers = PLAIN | {"Authorization": f"Bearer {access_token}"}
        try:
            async with (
                asyncio.timeout(CALL_TIMEOUT_SECONDS),
                self.client.stream("GET", url, headers=headers) as response,
            ):
                response.raise_for_status()
                if response.headers.get("content-type", "").lower().startswith("application/jwt"):
                    log.warning("the issuer %s signs its userinfo, which is ignored", self.name)
                    return {}
                userinfo = await read_json(response)
        except FAILED_CALL as error:
            # The type only: the message of an error about headers may contain the token.
            log.warning("the issuer %s sent no userinfo: %s", self.name, type(error).__name__)
            return None
        return userinfo if isinstance(userinfo, Mapping) else None

    def _credentials(self, form: dict[str, str], *, by_header: bool) -> tuple[dict[str, str], httpx.BasicAuth | None]:
        secret = self.entry.client_secret.get_secret_value()
        if secret and by_header:
            return form, httpx.BasicAuth(quote(self.entry.client_id, safe=""), quote(secret, safe=""))
        form_auth = {"client_id": self.entry.client_id} | ({"client_secret": secret} if secret else {})
        return form | form_auth, None

    def _rejection(self, status: int, reason: object) -> DukanError:
        if status == 400 and reason == "invalid_grant":
            return OidcCodeInvalid()
        # invalid_client and the like: the operator has to fix it, the person who signs in cannot.
        log.error("the issuer %s rejected a code exchange with %s: %.100r", self.name, status, reason)
        return IssuerUnavailable()
