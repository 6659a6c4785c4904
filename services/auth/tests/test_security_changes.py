"""Whoever changes how one signs in is told how many sessions there are besides, and the owner hears of it."""

from typing import Any

from services.auth.tests.authenticators import Authenticator
from services.auth.tests.factors import app_code, delete, guarded
from services.auth.tests.harness import PASSWORD, Door, data
from services.auth.tests.test_api_keys import exchange, made
from services.auth.tests.test_passkeys import keeper

from common.clock import FixedClock
from common.contracts.auth import SecurityChanged, SessionRevoked


async def told(door: Door, user_id: str) -> list[str]:
    return [fact.what for fact in await door.told(SecurityChanged, user_id)]


async def test_every_change_of_a_factor_is_told_once(door: Door, time: FixedClock) -> None:
    person = await guarded(door)
    kept = await keeper(door, person.tokens)
    await made(door, person.tokens)
    data(await delete(door, f"/auth/passkeys/{kept.passkey['id']}", person.tokens))
    proof = {"password": PASSWORD, "code": app_code(person.secret)}
    renewed = data(await door.act("/auth/mfa/recovery-codes", person.tokens, proof))
    again = {"password": PASSWORD, "code": renewed["recovery_codes"][0]}
    data(await delete(door, "/auth/mfa/totp", person.tokens, again))
    assert await told(door, person.id) == [
        "totp_on",
        "passkey_added",
        "api_key_made",
        "passkey_removed",
        "recovery_codes_renewed",
        "totp_off",
    ]


async def test_what_was_refused_is_told_to_nobody(door: Door) -> None:
    tokens = await door.signed_in()
    wrong = {"password": "a wrong guess"}
    assert (await delete(door, "/auth/mfa/totp", tokens, wrong)).status_code == 422
    options = data(await door.act("/auth/passkeys/options", tokens))
    refused = {"credential": Authenticator(origin="https://evil.example").create(options)}
    assert (await door.act("/auth/passkeys", tokens, refused)).status_code == 422
    assert await told(door, tokens["user"]["id"]) == []


async def test_the_answer_to_a_change_offers_to_end_the_other_sessions(door: Door) -> None:
    here = await door.signed_in()
    there = await door.signed_in(here["user"]["email"])
    await exchange(door, (await made(door, here))["key"])
    added: dict[str, Any] = (await keeper(door, here)).passkey
    assert added["other_sessions"] == 1

    data(await door.act("/auth/logout-all", here, {"keep_current": True}))

    assert (await door.get("/auth/me", here)).status_code == 200
    assert (await door.get("/auth/me", there)).status_code == 401
    removed = data(await delete(door, f"/auth/passkeys/{added['id']}", here))
    assert removed == {"other_sessions": 0}
    assert len(await door.told(SessionRevoked, here["user"]["id"])) == 2
    data(await door.act("/auth/logout-all", here, {}))
    assert (await door.get("/auth/me", here)).status_code == 401
