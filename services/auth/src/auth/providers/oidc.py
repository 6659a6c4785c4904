"""An issuer that people have their accounts at, spoken to by OpenID Connect: the code flow with PKCE."""

import asyncio
import logging
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import httpx

from auth.domain.oidc import Expected, Stranger, challenge_of
from auth.providers.oidc_calls import Claims, Line, away
from auth.providers.oidc_claims import completed, lacks_address, stranger_of
from auth.providers.oidc_file import ProviderEntry
from auth.providers.oidc_metadata import Metadata, Published
from auth.providers.oidc_tokens import verified_claims
from common.errors import Forbidden, Unauthenticated

log = logging.getLogger(__name__)

LONGEST_VISIT = 9.0
"""Seconds for all calls of one who comes back, whatever goes wrong: less than the gateway waits."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Of one sign-in on its way; the issuer gets the verifier's hash first and the verifier last."""

    verifier: str
    nonce: str
    redirect_uri: str


class Provider:
    """One issuer of the operator's file."""

    def __init__(self, name: str, entry: ProviderEntry, client: httpx.AsyncClient, *, allows_http: bool) -> None:
        self.name = name
        self.display_name = entry.display_name or name
        self._entry = entry
        self._line = Line(name, entry, client)
        self._published = Published(self._line, ("https", "http") if allows_http else ("https",))

    async def authorization_url(self, state: str, secrets: Secrets) -> str:
        """Where to send the browser. Raises Unavailable."""
        metadata, _ = await self._published.known()
        query = {
            "response_type": "code",
            "client_id": self._entry.client_id,
            "redirect_uri": secrets.redirect_uri,
            "scope": " ".join(self._entry.scopes),
            "state": state,
            "nonce": secrets.nonce,
            "code_challenge": challenge_of(secrets.verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        return f"{metadata.authorization_endpoint}{joint}{urlencode(query)}"

    async def redeem(self, code: str, iss: str | None, secrets: Secrets) -> Stranger:
        """Whom the code stands for. `iss` is the parameter of the redirect (RFC 9207).

        Raises Unavailable when the issuer cannot be asked, Invalid or Unauthenticated when it is asked in vain.
        """
        try:
            async with asyncio.timeout(LONGEST_VISIT):
                return await self._redeem(code, iss, secrets)
        except TimeoutError as error:
            raise away() from error

    async def _redeem(self, code: str, iss: str | None, secrets: Secrets) -> Stranger:
        metadata, keys = await self._published.known()
        if iss != self._entry.issuer and (iss or metadata.authorization_response_iss_parameter_supported):
            raise Forbidden("The answer comes from another issuer", code="oidc_wrong_issuer", field="iss")
        tokens = await self._exchange(metadata, code, secrets)
        expected = Expected(self._entry.issuer, self._entry.client_id, secrets.nonce)
        claims = await verified_claims(tokens, metadata, keys, expected)
        return await self._stranger(claims, metadata.userinfo_endpoint, tokens.get("access_token"))

    async def _exchange(self, metadata: Metadata, code: str, secrets: Secrets) -> Claims:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": secrets.redirect_uri}
        by_header = "client_secret_basic" in metadata.token_endpoint_auth_methods_supported
        proven = form | {"code_verifier": secrets.verifier}
        return await self._line.exchange(metadata.token_endpoint, proven, by_header=by_header)

    async def _stranger(self, claims: Claims, userinfo_endpoint: str | None, access_token: object) -> Stranger:
        """Asks for what a thin ID token leaves out (OpenID Connect Core, 5.4).

        The code is used up by then. So when there is no answer, who is known goes on by their subject alone, and
        anybody else has to start again.
        """
        is_thin = lacks_address(self._entry, claims)
        if not is_thin or userinfo_endpoint is None or not isinstance(access_token, str):
            return stranger_of(self.name, self._entry, claims, no_answer=False)
        userinfo = await self._line.userinfo(userinfo_endpoint, access_token)
        if userinfo and userinfo.get("sub") != claims["sub"]:
            log.warning("the issuer %s gives userinfo of somebody else", self.name)
            raise Unauthenticated("The issuer speaks of two different people", code="oidc_userinfo_invalid")
        whole = completed(self._entry, claims, userinfo or {})
        return stranger_of(self.name, self._entry, whole, no_answer=userinfo is None)
