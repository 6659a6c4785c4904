"""The issuers of the operator's file: the authorization code flow with PKCE."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import httpx

from auth.errors import IssuerUnavailable, RedirectUriNotAllowed, UnknownProvider, UserinfoInvalid, WrongIssuer
from auth.oidc.domain import ExpectedToken, ExternalIdentity, code_challenge
from auth.oidc.providers.claims import complete, identity_of, lacks_email
from auth.oidc.providers.config import OidcFile, ProviderEntry
from auth.oidc.providers.discovery import Discovery, Metadata
from auth.oidc.providers.http import Claims, IssuerClient
from auth.oidc.providers.id_tokens import verified_claims
from common.http_client import HttpClient

log = logging.getLogger(__name__)

REDEEM_TIMEOUT_SECONDS = 9.0
"""For all calls of one callback, whatever fails: less than the gateway waits."""
CONNECTION_LIMITS = httpx.Limits(max_connections=50, max_keepalive_connections=10)
TIMEOUT = httpx.Timeout(3.0, pool=1.0)


@dataclass(frozen=True, slots=True)
class LoginSecrets:
    """Of one sign-in. The issuer receives the verifier's hash with the redirect, and the verifier with the code."""

    verifier: str
    nonce: str
    redirect_uri: str


class Provider:
    """One issuer."""

    def __init__(self, name: str, entry: ProviderEntry, client: httpx.AsyncClient, *, allows_http: bool) -> None:
        self.name = name
        self.display_name = entry.display_name or name
        self._entry = entry
        self._client = IssuerClient(name, entry, client)
        self._discovery = Discovery(self._client, ("https", "http") if allows_http else ("https",))

    async def authorization_url(self, state: str, secrets: LoginSecrets) -> str:
        """Where to send the browser. Raises IssuerUnavailable."""
        metadata, _ = await self._discovery.get()
        query = {
            "response_type": "code",
            "client_id": self._entry.client_id,
            "redirect_uri": secrets.redirect_uri,
            "scope": " ".join(self._entry.scopes),
            "state": state,
            "nonce": secrets.nonce,
            "code_challenge": code_challenge(secrets.verifier),
            "code_challenge_method": "S256",
        }
        separator = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        return f"{metadata.authorization_endpoint}{separator}{urlencode(query)}"

    async def redeem(self, code: str, iss: str | None, secrets: LoginSecrets) -> ExternalIdentity:
        """The identity that the code stands for. `iss` is the parameter of the callback (RFC 9207).

        Raises IssuerUnavailable, WrongIssuer, OidcCodeInvalid, IdTokenInvalid and UserinfoInvalid.
        """
        try:
            async with asyncio.timeout(REDEEM_TIMEOUT_SECONDS):
                return await self._redeem(code, iss, secrets)
        except TimeoutError as error:
            raise IssuerUnavailable from error

    async def _redeem(self, code: str, iss: str | None, secrets: LoginSecrets) -> ExternalIdentity:
        metadata, keys = await self._discovery.get()
        if iss != self._entry.issuer and (iss or metadata.authorization_response_iss_parameter_supported):
            raise WrongIssuer
        tokens = await self._exchange(metadata, code, secrets)
        expected = ExpectedToken(self._entry.issuer, self._entry.client_id, secrets.nonce)
        claims = await verified_claims(tokens, metadata, keys, expected)
        return await self._identity(claims, metadata.userinfo_endpoint, tokens.get("access_token"))

    async def _exchange(self, metadata: Metadata, code: str, secrets: LoginSecrets) -> Claims:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": secrets.redirect_uri,
            "code_verifier": secrets.verifier,
        }
        by_header = "client_secret_basic" in metadata.token_endpoint_auth_methods_supported
        return await self._client.exchange(metadata.token_endpoint, form, by_header=by_header)

    async def _identity(self, claims: Claims, userinfo_endpoint: str | None, access_token: object) -> ExternalIdentity:
        """Asks the userinfo endpoint if the ID token has no address (OpenID Connect Core, 5.4).

        The code is used up by then: without a response, a known identity still signs in by its subject, and a new one
        has to start again.
        """
        if not lacks_email(self._entry, claims) or userinfo_endpoint is None or not isinstance(access_token, str):
            return identity_of(self.name, self._entry, claims, email_unavailable=False)
        userinfo = await self._client.userinfo(userinfo_endpoint, access_token)
        if userinfo and userinfo.get("sub") != claims["sub"]:
            log.warning("the issuer %s sent userinfo of another person", self.name)
            raise UserinfoInvalid
        all_claims = complete(self._entry, claims, userinfo or {})
        return identity_of(self.name, self._entry, all_claims, email_unavailable=userinfo is None)


class Providers:
    """All issuers, by the names that the operator gave them. `client` must be entered before the first request."""

    def __init__(self, file: OidcFile, public_url: str, *, allows_http: bool) -> None:
        self.client = HttpClient(limits=CONNECTION_LIMITS, timeout=TIMEOUT, trust_env=False)
        self._public_url = public_url
        self._redirect_uris = frozenset(file.redirect_uris)
        self._providers = {
            name: Provider(name, entry, self.client, allows_http=allows_http) for name, entry in file.providers.items()
        }

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._providers.values())

    def find(self, name: str) -> Provider:
        """Raises UnknownProvider."""
        if name not in self._providers:
            raise UnknownProvider
        return self._providers[name]

    def redirect_uri(self, provider: Provider, requested: str | None) -> str:
        """Without a requested one, our own callback page. Raises RedirectUriNotAllowed."""
        own = f"{self._public_url}/api/v1/auth/oidc/{provider.name}/callback"
        if requested not in (None, own) and requested not in self._redirect_uris:
            raise RedirectUriNotAllowed
        return requested or own
