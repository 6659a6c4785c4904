"""Identifies the caller: a credential must be valid if present; without one, the service decides what is public.

Three kinds are understood: access tokens, API keys, and the login cookies of browsers. The service gets an access
token in every case and verifies it itself.
"""

from dataclasses import replace

from common import clock
from common.errors import RateLimited, Unauthenticated, UnsupportedCredentials
from common.security.tokens import Identity, TokenVerifier
from gateway.credentials.api_keys import ApiKeyExchange
from gateway.credentials.cookies import check_csrf, login_cookies
from gateway.credentials.sessions import SessionClient
from gateway.errors import IdentityUnavailable, SessionInactive
from gateway.http.client_address import Client
from gateway.http.context import Renew
from gateway.http.headers import RequestHeaders

RENEWAL_SECONDS = 300
"""How long an open connection relies on auth's last word about its session. SessionRevoked ends it sooner."""


class Authenticator:
    """Verifies access tokens with the platform's verifier, which caches them until expiry or revocation.

    `insecure_cookies`: accept the cookies of local mode, which has no HTTPS.
    """

    def __init__(
        self, verifier: TokenVerifier, api_keys: ApiKeyExchange, sessions: SessionClient, *, insecure_cookies: bool
    ) -> None:
        self._verifier = verifier
        self._api_keys = api_keys
        self._sessions = sessions
        self._insecure_cookies = insecure_cookies

    async def authenticate(self, headers: RequestHeaders, method: str, client: Client) -> Identity | None:
        """The caller, None if anonymous; `headers` then forward an access token.

        Raises Unauthenticated if the credential is not accepted, CsrfTokenInvalid for cookies without their token.
        """
        authorization = headers.get(b"authorization")
        if authorization is None:
            return await self._by_cookies(headers, method) if b"cookie" in headers.known else None
        scheme, _, credential = authorization.partition(" ")
        match scheme.lower():
            case "bearer":
                return await self._verify(credential.strip())
            case "apikey":
                return await self._by_api_key(headers, credential.strip(), client)
        raise UnsupportedCredentials("Only Bearer and ApiKey credentials are accepted")

    def renewal(self, headers: RequestHeaders, client: Client, identity: Identity) -> Renew | None:
        """Extends the result of `authenticate`; None for a bearer token, which is itself the credential.

        The function raises what `authenticate` would raise now.
        """
        authorization = headers.get(b"authorization") or ""
        # Before any parsing: most requests have a bearer token.
        if authorization[:7].lower() == "bearer ":
            return None
        scheme, _, credential = authorization.partition(" ")

        async def by_api_key() -> Identity:
            try:
                return await self._by_api_key(headers, credential.strip(), client)
            except RateLimited:
                # The daily quota is used up, but renewing a stream is not a request.
                return _extended(identity)

        async def by_session() -> Identity:
            if not await self._sessions.is_active(identity.session_id):
                raise SessionInactive
            return _extended(identity)

        return by_api_key if scheme else by_session

    async def _by_api_key(self, headers: RequestHeaders, key: str, client: Client) -> Identity:
        token = await self._api_keys.token_for(key, client)
        try:
            identity = await self._verify(token)
        except Unauthenticated:
            # The token's session has ended (perhaps with all others of the account). auth decides about the key.
            self._api_keys.forget(key, client, token)
            token = await self._api_keys.token_for(key, client)
            identity = await self._verify(token)
        headers.set_bearer(token)
        return identity

    async def _by_cookies(self, headers: RequestHeaders, method: str) -> Identity | None:
        cookies = login_cookies(headers, allow_insecure=self._insecure_cookies)
        if cookies is None:
            return None
        try:
            identity = await self._verify(cookies.access_token)
        except Unauthenticated:
            # A browser always sends its cookies: one whose session has ended is anonymous, not an error.
            return None
        check_csrf(headers, method, cookies, identity)
        headers.set_bearer(cookies.access_token)
        return identity

    async def _verify(self, token: str) -> Identity:
        if not self._verifier.revocations.loaded:
            # Until the revoked sessions are known, a revoked token would be accepted.
            raise IdentityUnavailable("Credentials cannot be checked yet")
        return await self._verifier.verify(token)


def _extended(identity: Identity) -> Identity:
    return replace(identity, expires_at=int(clock.now().timestamp()) + RENEWAL_SECONDS)
