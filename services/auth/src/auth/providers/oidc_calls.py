"""What an issuer is asked by us rather than by a browser.

Only the addresses of the issuer's own metadata are called, none that anybody sent; redirects are not followed, and
every answer is bounded in time and length.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from auth.providers.oidc_file import ProviderEntry
from common.errors import DukanError, Invalid, Unavailable
from common.security.fetch import PLAIN, Fetch, fetch_json, read_json
from common.security.key_set import UntrustedKeysError

log = logging.getLogger(__name__)

LONGEST_CALL = 3.0
"""Seconds; somebody waits for up to three calls, and the gateway no longer than they take."""
AWAY = (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, UntrustedKeysError)

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """To one issuer of the operator's file."""

    name: str
    entry: ProviderEntry
    client: httpx.AsyncClient

    def fetch(self, url: str) -> Fetch:
        return fetch_json(self.client, url, seconds=LONGEST_CALL)

    async def exchange(self, url: str, form: dict[str, str], *, by_header: bool) -> Claims:
        """What the token endpoint gives; `by_header` is how it wants to be shown our secret.

        Raises Invalid for a code that is not good, and Unavailable when there is no answer.
        """
        form, auth = self._credentials(form, by_header=by_header)
        options: dict[str, Any] = {"data": form, "headers": PLAIN} | ({"auth": auth} if auth else {})
        try:
            async with asyncio.timeout(LONGEST_CALL), self.client.stream("POST", url, **options) as answer:
                tokens = await read_json(answer)
        except AWAY as error:
            raise away() from error
        if not isinstance(tokens, Mapping):
            raise away()
        if answer.status_code != 200:
            raise self._refused(answer.status_code, tokens.get("error"))
        return tokens

    async def userinfo(self, url: str, access_token: str) -> Claims | None:
        """What the issuer says of whom the token is for; nothing where it says so in signed form only, and None when
        it gives no answer."""
        headers = PLAIN | {"Authorization": f"Bearer {access_token}"}
        try:
            async with asyncio.timeout(LONGEST_CALL), self.client.stream("GET", url, headers=headers) as answer:
                answer.raise_for_status()
                if answer.headers.get("content-type", "").lower().startswith("application/jwt"):
                    log.warning("the issuer %s signs its userinfo, which is passed over", self.name)
                    return {}
                said = await read_json(answer)
        except AWAY as error:
            # By its kind only: the text of an error about headers may hold the token.
            log.warning("the issuer %s gives no userinfo: %s", self.name, type(error).__name__)
            return None
        return said if isinstance(said, Mapping) else None

    def _credentials(self, form: dict[str, str], *, by_header: bool) -> tuple[dict[str, str], httpx.BasicAuth | None]:
        secret = self.entry.client_secret.get_secret_value()
        if secret and by_header:
            return form, httpx.BasicAuth(quote(self.entry.client_id, safe=""), quote(secret, safe=""))
        ours = {"client_id": self.entry.client_id} | ({"client_secret": secret} if secret else {})
        return form | ours, None

    def _refused(self, status: int, reason: object) -> DukanError:
        if status == 400 and reason == "invalid_grant":
            return Invalid("The code is wrong, used or too old; start again", code="oidc_code_invalid", field="code")
        # invalid_client and the like: ours to mend, and nothing that whoever signs in could do better.
        log.error("the issuer %s refuses an exchange with %s: %.100r", self.name, status, reason)
        return away()


def away() -> Unavailable:
    return Unavailable("The issuer cannot be asked at this moment", code="oidc_unavailable", retry_after=5)
