"""An authenticator app, and a user who has set it up."""

from dataclasses import dataclass
from typing import Any

import httpx
from pyotp import TOTP
from services.auth.tests.harness import PASSWORD, AuthApi, bearer, data

from common import clock


def app_code(secret: str, steps: int = 0) -> str:
    """What the app shows now, or `steps` of 30 seconds later."""
    return TOTP(secret).at(clock.now(), counter_offset=steps)


def wrong_code(secret: str) -> str:
    """Six digits that are not accepted now."""
    accepted = {app_code(secret, steps) for steps in (-1, 0, 1)}
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in accepted)


@dataclass
class TotpUser:
    """A user with a second factor; `tokens` are of a session from before it."""

    tokens: dict[str, Any]
    secret: str
    recovery_codes: list[str]

    @property
    def email(self) -> str:
        return str(self.tokens["user"]["email"])

    @property
    def id(self) -> str:
        return str(self.tokens["user"]["id"])


async def totp_user(api: AuthApi) -> TotpUser:
    """A new customer who has confirmed the app with the code of the previous time step."""
    tokens = await api.signed_in()
    secret = data(await api.act("/auth/mfa/totp", tokens, {"password": PASSWORD}), 201)["secret"]
    on = await api.act("/auth/mfa/totp/confirm", tokens, {"code": app_code(secret, -1)})
    return TotpUser(tokens, secret, data(on)["recovery_codes"])


async def login(api: AuthApi, email: str, otp: str | None = None, **options: Any) -> httpx.Response:
    body = {"email": email, "password": PASSWORD} | ({"otp": otp} if otp is not None else {})
    return await api.post("/auth/login", body, **options)


async def delete(api: AuthApi, path: str, tokens: dict[str, Any], body: object = None) -> httpx.Response:
    return await api.http.request("DELETE", f"/api/v1{path}", headers=bearer(tokens), json=body)
