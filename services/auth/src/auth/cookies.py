"""Sign-in by cookies: scripts of a page can read the CSRF token and no token that signs in.

The gateway turns the access cookie into a bearer token. The refresh cookie is read here, and its CSRF token checked
here, because the access token beside it may have expired.
"""

from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from auth.dependencies import Services
from auth.services import AuthServices
from auth.sessions.domain import KEEP_UNUSED_DEVICES_FOR
from auth.sessions.usecases.open_session import TokenPair
from common import clock
from common.errors import CsrfTokenInvalid, DukanError
from common.security.cookies import ACCESS, CSRF, CSRF_HEADER, DEVICE, DEVICE_PATH, REFRESH, cookie_name
from common.web import error_responses


@dataclass(frozen=True, slots=True)
class CookieJar:
    """The cookies of a request, and those that its response sets."""

    request: Request
    response: Response
    services: AuthServices

    @property
    def refresh_token(self) -> str | None:
        return self.request.cookies.get(self._name(REFRESH))

    def fill(self, tokens: TokenPair) -> str:
        """Set the tokens as cookies; returns the CSRF token."""
        csrf = self.services.vault.csrf_token(tokens.session_id)
        max_age = int((tokens.refresh_expires_at - clock.now()).total_seconds())
        self._set(ACCESS, tokens.access.text, tokens.access.expires_in)
        self._set(REFRESH, tokens.refresh_token, max_age)
        self._set(CSRF, csrf, max_age, readable=True)
        if device := self.services.device_token(tokens.account.id, tokens.device_id):
            self._set(DEVICE, device, int(KEEP_UNUSED_DEVICES_FOR.total_seconds()), path=DEVICE_PATH)
        return csrf

    def clear(self) -> None:
        """All but the device's: it stays one that the account has signed in on."""
        for name in (ACCESS, REFRESH, CSRF):
            self._set(name, "", 0, readable=name == CSRF)

    def error_response(self, error: DukanError) -> Response:
        """The error as a response that also deletes the cookies."""
        response = error_responses.error_response(error)
        replace(self, response=response).clear()
        return response

    def check_csrf(self, session_id: UUID) -> None:
        """Raises CsrfTokenInvalid without the session's CSRF token: another site may have sent the request."""
        given = self.request.headers.get(CSRF_HEADER, "")
        if not compare_digest(given.encode(), self.services.vault.csrf_token(session_id).encode()):
            raise CsrfTokenInvalid

    def _set(self, name: str, value: str, max_age: int, *, readable: bool = False, path: str = "/") -> None:
        self.response.set_cookie(
            self._name(name),
            value,
            max_age=max_age,
            path=path,
            secure=self.services.secure_cookies,
            httponly=not readable,
            samesite="lax",
        )

    def _name(self, name: str) -> str:
        return cookie_name(name, secure=self.services.secure_cookies)


async def _jar(request: Request, response: Response, services: Services) -> CookieJar:
    return CookieJar(request, response, services)


Cookies = Annotated[CookieJar, Depends(_jar)]
