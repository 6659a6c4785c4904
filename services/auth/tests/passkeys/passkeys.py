"""People with passkeys, and the requests that register and use them."""

from dataclasses import dataclass
from typing import Any

import httpx
from services.auth.tests.passkeys.authenticator import Authenticator
from services.auth.tests.people import Door, data

Tokens = dict[str, Any]
REJECTED = (None, "passkey_not_accepted")


@dataclass
class Keeper:
    """Someone with a passkey, as registration answered it."""

    tokens: Tokens
    authenticator: Authenticator
    passkey: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.tokens["user"]["id"])


async def asked(door: Door, tokens: Tokens) -> dict[str, Any]:
    """Options for a new passkey."""
    options: dict[str, Any] = data(await door.act("/auth/passkeys/options", tokens))
    return options


async def register(door: Door, tokens: Tokens, credential: Any, **more: Any) -> httpx.Response:
    return await door.act("/auth/passkeys", tokens, {"credential": credential} | more)


async def keeper(door: Door, tokens: Tokens | None = None, authenticator: Authenticator | None = None) -> Keeper:
    tokens, authenticator = tokens or await door.signed_in(), authenticator or Authenticator()
    answer = authenticator.create(await asked(door, tokens))
    return Keeper(tokens, authenticator, data(await register(door, tokens, answer, name="Telephone"), 201))


async def challenged(door: Door, **headers: str) -> dict[str, Any]:
    """Options for a sign-in."""
    options: dict[str, Any] = data(await door.post("/auth/login/passkey/options", headers=headers))
    return options


async def present(door: Door, credential: Any, **options: Any) -> httpx.Response:
    return await door.post("/auth/login/passkey", {"credential": credential}, **options)


async def sign_in(door: Door, authenticator: Authenticator) -> httpx.Response:
    return await present(door, authenticator.get(await challenged(door)))
