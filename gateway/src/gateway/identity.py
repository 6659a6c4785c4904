"""Who calls: a credential that is present must be valid; without one the service decides what is public.

Three kinds are understood: an access token, an API key, and the cookies of a browser that signed in with them. A
service gets an access token whatever it was, and verifies it itself.
"""

from dataclasses import replace

from common import clock
from common.errors import Forbidden, RateLimited, Unauthenticated, Unavailable
from common.security.cookies import ACCESS, CSRF, CSRF_HEADER, cookie_name, is_csrf_token_valid
from common.security.scopes import SAFE
from common.security.tokens import Identity, TokenVerifier
from gateway.api_keys import ApiKeys
from gateway.clients import Client
from gateway.headers import Inbound
from gateway.held import Renewal
from gateway.sessions import Sessions

STANDS_FOR = 300
"""Seconds for which what auth says of a session is believed by what is held open; its end is heard at once anyway."""


class Gatekeeper:
    """Verifies access tokens with the platform's verifier, which remembers them until expiry or revocation.

    `plain_cookies` are those of local mode, which has no HTTPS.
    """

    def __init__(self, verifier: TokenVerifier, api_keys: ApiKeys, sessions: Sessions, *, plain_cookies: bool) -> None:
        self._verifier = verifier
        self._api_keys = api_keys
        self._sessions = sessions
        self._plain_cookies = plain_cookies

    async def check(self, inbound: Inbound, method: str, client: Client) -> Identity | None:
        """The caller, None for an anonymous one; `inbound` then has an access token to pass on.

        Unauthenticated when what is given is not accepted, Forbidden when another site may have sent the cookies.
        """
        given = inbound.get(b"authorization")
        if given is None:
            return await self._by_cookie(inbound, method) if b"cookie" in inbound.read else None
        scheme, _, credential = given.partition(" ")
        match scheme.lower():
            case "bearer":
                return await self._verify(credential.strip())
            case "apikey":
                return await self._by_key(inbound, credential.strip(), client)
        raise Unauthenticated("Only Bearer and ApiKey credentials are accepted", code="unsupported_credentials")

    def renewal(self, inbound: Inbound, client: Client, identity: Identity | None) -> Renewal | None:
        """What gives the identity of `check` for longer; None where its token is the credential itself.

        Raises what refuses the credential now, or Unavailable.
        """
        given = inbound.get(b"authorization") or ""
        # Before anything is taken apart: most requests pass here with nothing to renew.
        if identity is None or given[:7].lower() == "bearer ":
            return None
        scheme, _, credential = given.partition(" ")

        async def by_key() -> Identity:
            try:
                return await self._by_key(inbound, credential.strip(), client)
            except RateLimited:
                # The key is good; it is only its requests of today that are spent, and this is none.
                return _for_longer(identity)

        async def by_session() -> Identity:
            if not await self._sessions.is_live(identity.session_id):
                raise Unauthenticated("The session has ended", code="session_ended")
            return _for_longer(identity)

        return by_key if scheme else by_session

    async def _by_key(self, inbound: Inbound, key: str, client: Client) -> Identity:
        token = await self._api_keys.token_for(key, client)
        try:
            identity = await self._verify(token)
        except Unauthenticated:
            # Its session has ended, as all of an account may; the key may be as good as before, and auth knows.
            self._api_keys.forget(key, client, token)
            token = await self._api_keys.token_for(key, client)
            identity = await self._verify(token)
        inbound.bear(token)
        return identity

    async def _by_cookie(self, inbound: Inbound, method: str) -> Identity | None:
        cookies = inbound.cookies()
        secure = not self._plain_cookies or cookie_name(ACCESS, secure=True) in cookies
        token = cookies.get(cookie_name(ACCESS, secure=secure))
        if token is None:
            return None
        try:
            identity = await self._verify(token)
        except Unauthenticated:
            # A browser sends what it has, asked or not: one whose session is over is nobody in particular.
            return None
        csrf = cookies.get(cookie_name(CSRF, secure=secure))
        if method not in SAFE and not is_csrf_token_valid(
            inbound.said(CSRF_HEADER.lower().encode()), csrf, identity.csrf
        ):
            raise Forbidden(f"Send the CSRF token in {CSRF_HEADER}", code="csrf")
        inbound.bear(token)
        return identity

    async def _verify(self, token: str) -> Identity:
        if not self._verifier.revocations.loaded:
            # Until the revoked sessions are known, a token that was signed out would be let in.
            raise Unavailable("Credentials cannot be checked yet", retry_after=1, code="identity_unavailable")
        return await self._verifier.verify(token)


def _for_longer(identity: Identity) -> Identity:
    return replace(identity, expires_at=int(clock.now().timestamp()) + STANDS_FOR)
