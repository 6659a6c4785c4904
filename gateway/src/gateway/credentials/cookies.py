"""The login cookies of browsers, and the CSRF check that comes with them."""

from dataclasses import dataclass

from common.errors import CsrfTokenInvalid
from common.security.cookies import ACCESS, CSRF, CSRF_HEADER, cookie_name, is_csrf_token_valid
from common.security.scopes import SAFE
from common.security.tokens import Identity
from gateway.http.headers import RequestHeaders

CSRF_HEADER_NAME = CSRF_HEADER.lower().encode()


@dataclass(frozen=True, slots=True)
class LoginCookies:
    """The access token and the CSRF token as the browser sent them."""

    access_token: str
    csrf_token: str | None


def login_cookies(headers: RequestHeaders, *, allow_insecure: bool) -> LoginCookies | None:
    """The login cookies, None if there is no access token. `allow_insecure`: local mode has no HTTPS."""
    cookies = headers.cookies()
    secure = not allow_insecure or cookie_name(ACCESS, secure=True) in cookies
    token = cookies.get(cookie_name(ACCESS, secure=secure))
    return None if token is None else LoginCookies(token, cookies.get(cookie_name(CSRF, secure=secure)))


def check_csrf(headers: RequestHeaders, method: str, cookies: LoginCookies, identity: Identity) -> None:
    """Raises CsrfTokenInvalid if an unsafe method comes without the CSRF token in its header."""
    sent = headers.header(CSRF_HEADER_NAME)
    if method not in SAFE and not is_csrf_token_valid(sent, cookies.csrf_token, identity.csrf):
        raise CsrfTokenInvalid
