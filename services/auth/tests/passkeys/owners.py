"""Users with passkeys, and the requests that register and use them."""

from dataclasses import dataclass
from typing import Any

import httpx
from services.auth.tests.harness import AuthApi, data
from services.auth.tests.passkeys.authenticator import Authenticator

Tokens = dict[str, Any]
REJECTED = (None, "passkey_not_accepted")


@dataclass
class PasskeyOwner:
    """A user with a passkey; `passkey` is the response to its registration."""

    tokens: Tokens
    authenticator: Authenticator
    passkey: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.tokens["user"]["id"])


async def creation_options(api: AuthApi, tokens: Tokens) -> dict[str, Any]:
    """Options for a new passkey."""
    options: dict[str, Any] = data(await api.act("/auth/passkeys/options", tokens))
    return options


async def register(api: AuthApi, tokens: Tokens, credential: Any, **more: Any) -> httpx.Response:
    return await api.act("/auth/passkeys", tokens, {"credential": credential} | more)


async def passkey_owner(
    api: AuthApi, tokens: Tokens | None = None, authenticator: Authenticator | None = None
) -> PasskeyOwner:
    tokens, authenticator = tokens or await api.signed_in(), authenticator or Authenticator()
    answer = authenticator.create(await creation_options(api, tokens))
    return PasskeyOwner(tokens, authenticator, data(await register(api, tokens, answer, name="Telephone"), 201))


async def sign_in_options(api: AuthApi, **headers: str) -> dict[str, Any]:
    """Options for a sign-in."""
    options: dict[str, Any] = data(await api.post("/auth/login/passkey/options", headers=headers))
    return options


async def present(api: AuthApi, credential: Any, **options: Any) -> httpx.Response:
    return await api.post("/auth/login/passkey", {"credential": credential}, **options)


async def sign_in(api: AuthApi, authenticator: Authenticator) -> httpx.Response:
    return await present(api, authenticator.get(await sign_in_options(api)))
