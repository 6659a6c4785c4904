"""A change of how an account signs in: its response counts the other sessions, an event notifies the owner."""

from typing import Any

from services.auth.tests.api_keys.helpers import create_key, exchange
from services.auth.tests.harness import PASSWORD, AuthApi, data
from services.auth.tests.passkeys.authenticator import Authenticator
from services.auth.tests.passkeys.owners import passkey_owner
from services.auth.tests.totp.factors import app_code, delete, totp_user

from common.clock import FixedClock
from common.contracts.auth import SecurityChanged, SessionRevoked


async def published_changes(api: AuthApi, user_id: str) -> list[str]:
    return [fact.what for fact in await api.published(SecurityChanged, user_id)]


async def test_every_change_of_a_factor_is_published_once(api: AuthApi, time: FixedClock) -> None:
    person = await totp_user(api)
    kept = await passkey_owner(api, person.tokens)
    await create_key(api, person.tokens)
    data(await delete(api, f"/auth/passkeys/{kept.passkey['id']}", person.tokens))
    proof = {"password": PASSWORD, "code": app_code(person.secret)}
    renewed = data(await api.act("/auth/mfa/recovery-codes", person.tokens, proof))
    again = {"password": PASSWORD, "code": renewed["recovery_codes"][0]}
    data(await delete(api, "/auth/mfa/totp", person.tokens, again))
    assert await published_changes(api, person.id) == [
        "totp_on",
        "passkey_added",
        "api_key_made",
        "passkey_removed",
        "recovery_codes_renewed",
        "totp_off",
    ]


async def test_a_rejected_change_is_not_published(api: AuthApi) -> None:
    tokens = await api.signed_in()
    wrong = {"password": "a wrong guess"}
    assert (await delete(api, "/auth/mfa/totp", tokens, wrong)).status_code == 422
    options = data(await api.act("/auth/passkeys/options", tokens))
    refused = {"credential": Authenticator(origin="https://evil.example").create(options)}
    assert (await api.act("/auth/passkeys", tokens, refused)).status_code == 422
    assert await published_changes(api, tokens["user"]["id"]) == []


async def test_the_answer_to_a_change_offers_to_end_the_other_sessions(api: AuthApi) -> None:
    here = await api.signed_in()
    there = await api.signed_in(here["user"]["email"])
    await exchange(api, (await create_key(api, here))["key"])
    added: dict[str, Any] = (await passkey_owner(api, here)).passkey
    assert added["other_sessions"] == 1

    data(await api.act("/auth/logout-all", here, {"keep_current": True}))

    assert (await api.get("/auth/me", here)).status_code == 200
    assert (await api.get("/auth/me", there)).status_code == 401
    removed = data(await delete(api, f"/auth/passkeys/{added['id']}", here))
    assert removed == {"other_sessions": 0}
    assert len(await api.published(SessionRevoked, here["user"]["id"])) == 2
    data(await api.act("/auth/logout-all", here, {}))
    assert (await api.get("/auth/me", here)).status_code == 401
