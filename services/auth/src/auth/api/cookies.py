"""Being signed in by cookies: a page's scripts see the CSRF token and never a token that signs in.

The gateway turns the access cookie into a bearer token; the refresh cookie is read here, and its CSRF token checked
here, because the access token beside it may have expired.
"""

from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from auth.api.context import Identification, Identifying
from auth.usecases.open_session import Grant
from common import clock
from common.errors import DukanError, Forbidden
from common.security.cookies import ACCESS, CSRF, CSRF_HEADER, REFRESH, cookie_name
from common.web.error_responses import error_response


@dataclass(frozen=True, slots=True)
class Jar:
    """The cookies that came with a request, and those that its answer leaves."""

    request: Request
    response: Response
    identification: Identification

    @property
    def refresh_token(self) -> str | None:
        return self.request.cookies.get(self._name(REFRESH))

    def fill(self, grant: Grant) -> str:
        """Leave the grant's tokens in cookies; gives the CSRF token."""
        csrf = self.identification.vault.csrf_token(grant.session_id)
        stays = int((grant.refresh_expires_at - clock.now()).total_seconds())
        self._set(ACCESS, grant.access.text, grant.access.expires_in)
        self._set(REFRESH, grant.refresh_token, stays)
        self._set(CSRF, csrf, stays, readable=True)
        return csrf

    def clear(self) -> None:
        for name in (ACCESS, REFRESH, CSRF):
            self._set(name, "", 0, readable=name == CSRF)

    def refused(self, refusal: DukanError) -> Response:
        """The refusal, which takes with it the cookies that sign nobody in any more."""
        answer = error_response(refusal)
        replace(self, response=answer).clear()
        return answer

    def check_page(self, session_id: UUID) -> None:
        """Raises Forbidden when the request shows no CSRF token of this session: another site may have sent it."""
        given = self.request.headers.get(CSRF_HEADER, "")
        if not compare_digest(given.encode(), self.identification.vault.csrf_token(session_id).encode()):
            raise Forbidden(f"Send the CSRF token in {CSRF_HEADER}", code="csrf")

    def _set(self, name: str, value: str, seconds: int, *, readable: bool = False) -> None:
        self.response.set_cookie(
            self._name(name),
            value,
            max_age=seconds,
            path="/",
            secure=self.identification.secure_cookies,
            httponly=not readable,
            samesite="lax",
        )

    def _name(self, name: str) -> str:
        return cookie_name(name, secure=self.identification.secure_cookies)


async def _jar(request: Request, response: Response, identification: Identifying) -> Jar:
    return Jar(request, response, identification)


Cookies = Annotated[Jar, Depends(_jar)]
