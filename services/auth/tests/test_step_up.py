"""What a stolen session must not do asks for a proof of who one is that is not older than five minutes."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from services.auth.tests.authenticators import PRESENT, Authenticator
from services.auth.tests.factors import app_code, delete, guarded
from services.auth.tests.harness import PASSWORD, Door, bearer, data, problem
from services.auth.tests.test_api_keys import exchange, made
from services.auth.tests.test_passkeys import challenged, keeper

from common.clock import FixedClock

Tokens = dict[str, Any]
STALE = timedelta(seconds=301)
REQUIRED = ("password", "step_up_required")
KEY = {"name": "Till", "scopes": ["read"]}


async def step_up(door: Door, tokens: Tokens, body: Any) -> httpx.Response:
    return await door.act("/auth/step-up", tokens, body)


async def stepped(door: Door, tokens: Tokens, authenticator: Authenticator) -> httpx.Response:
    options = data(await door.act("/auth/step-up/options", tokens))
    return await step_up(door, tokens, {"passkey": authenticator.get(options)})


async def guarded_acts(door: Door, tokens: Tokens, key_id: str, **proof: str) -> list[httpx.Response]:
    """Each of what asks for a fresh proof, but for the deletion of the account."""
    return [
        await door.act("/api-keys", tokens, KEY | proof),
        await door.act(f"/api-keys/{key_id}/rotate", tokens, proof or None),
        await door.act("/auth/passkeys/options", tokens, proof or None),
    ]


async def test_what_a_stolen_session_must_not_do_asks_for_a_fresh_proof(door: Door, time: FixedClock) -> None:
    tokens = await door.signed_in()
    key = await made(door, tokens)
    assert [answer.status_code for answer in await guarded_acts(door, tokens, key["id"])] == [201, 200, 200]
    time.advance(STALE)
    assert [problem(answer, 403) for answer in await guarded_acts(door, tokens, key["id"])] == [REQUIRED] * 3
    assert problem(await delete(door, "/auth/me", tokens), 403) == REQUIRED
    assert await door.audited(tokens["user"]["id"], "step_up") == ["required"] * 4

    given = await guarded_acts(door, tokens, key["id"], password=PASSWORD)
    assert [answer.status_code for answer in given] == [201, 200, 200]
    wrong = await guarded_acts(door, tokens, key["id"], password="a wrong guess")
    assert [problem(answer, 422) for answer in wrong] == [("password", "wrong_password")] * 3
    # A proof in the body is for this request alone.
    assert problem(await door.act("/api-keys", tokens, KEY), 403) == REQUIRED

    assert data(await step_up(door, tokens, {"password": PASSWORD})) == {"expires_in": 300}
    assert [answer.status_code for answer in await guarded_acts(door, tokens, key["id"])] == [201, 200, 200]
    data(await delete(door, "/auth/me", tokens))


async def test_a_refreshed_session_is_as_old_as_its_sign_in(door: Door, time: FixedClock) -> None:
    tokens = await door.signed_in()
    time.advance(STALE)
    fresh = data(await door.refresh(tokens["refresh_token"]))
    assert problem(await door.act("/api-keys", fresh, KEY), 403) == REQUIRED


async def test_a_proof_is_of_the_session_that_gave_it(door: Door, time: FixedClock) -> None:
    mine = await door.signed_in()
    stolen = await door.signed_in(mine["user"]["email"])
    time.advance(STALE)
    data(await step_up(door, mine, {"password": PASSWORD}))
    assert (await door.act("/api-keys", mine, KEY)).status_code == 201
    assert problem(await door.act("/api-keys", stolen, KEY), 403) == REQUIRED


async def test_with_a_second_factor_a_step_up_takes_both(door: Door, time: FixedClock) -> None:
    person = await guarded(door)
    time.advance(STALE)
    assert problem(await step_up(door, person.tokens, {"password": PASSWORD}), 422) == ("code", "otp_required")
    data(await step_up(door, person.tokens, {"password": PASSWORD, "code": app_code(person.secret)}))
    assert (await door.act("/api-keys", person.tokens, KEY)).status_code == 201
    assert await door.audited(person.id, "step_up") == ["succeeded"]


async def test_a_passkey_steps_up_alone(door: Door, time: FixedClock) -> None:
    person = await keeper(door)
    time.advance(STALE)
    options = data(await door.act("/auth/step-up/options", person.tokens))
    assert (len(options["allowCredentials"]), options["userVerification"]) == (1, "required")
    data(await step_up(door, person.tokens, {"passkey": person.authenticator.get(options)}))
    assert (await door.act("/api-keys", person.tokens, KEY)).status_code == 201


async def test_a_step_up_takes_an_own_passkey_and_a_challenge_for_it(door: Door, time: FixedClock) -> None:
    person, other = await keeper(door), await keeper(door)
    time.advance(STALE)
    refused = ("passkey", "passkey_invalid")
    assert problem(await stepped(door, person.tokens, other.authenticator), 422) == refused
    assert problem(await stepped(door, person.tokens, person.authenticator.but(flags=PRESENT)), 422) == refused
    of_sign_in = {"passkey": person.authenticator.get(await challenged(door))}
    assert problem(await step_up(door, person.tokens, of_sign_in), 422) == refused
    of_other = {"passkey": person.authenticator.get(data(await door.act("/auth/step-up/options", other.tokens)))}
    assert problem(await step_up(door, person.tokens, of_other), 422) == refused
    copy = person.authenticator.but()
    data(await stepped(door, person.tokens, person.authenticator))
    assert problem(await stepped(door, person.tokens, copy), 422)[1] == "passkey_invalid"
    trail = ["unknown_passkey", "wrong_passkey", *["unknown_challenge"] * 2, "succeeded", "counter_went_back"]
    assert await door.audited(person.id, "step_up") == trail


async def test_wrong_passkeys_are_slowed_and_lock_nobody_out(door: Door) -> None:
    person = await keeper(door)
    wrong = person.authenticator.but(flags=PRESENT)
    answers = [await stepped(door, person.tokens, wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert problem(await step_up(door, person.tokens, {"password": PASSWORD}), 429)[1] == "too_many_attempts"
    assert (await door.login(person.tokens["user"]["email"])).status_code == 200


async def test_a_step_up_says_what_is_missing(door: Door) -> None:
    tokens = await door.signed_in()
    for nothing in ({}, {"code": "123456"}):
        assert problem(await step_up(door, tokens, nothing), 422) == ("password", "proof_missing")
    assert problem(await door.act("/auth/step-up/options", tokens), 409) == ("passkey", "no_passkey")
    assert (await door.post("/auth/step-up", {"password": PASSWORD})).status_code == 401


@pytest.mark.parametrize("path", ["/auth/step-up", "/auth/step-up/options", "/api-keys", "/auth/passkeys/options"])
async def test_the_token_of_an_api_key_never_steps_up(door: Door, path: str) -> None:
    tokens = await door.signed_in()
    of_key = data(await exchange(door, (await made(door, tokens))["key"]))
    answer = await door.act(path, of_key, KEY | {"password": PASSWORD})
    assert problem(answer, 403)[1] == "insufficient_scope"
    refused = await door.http.request("DELETE", "/api/v1/auth/me", headers=bearer(of_key), json={"password": PASSWORD})
    assert problem(refused, 403)[1] == "insufficient_scope"


async def without_password(door: Door) -> Tokens:
    """Signed in to an account as other issuers make them."""
    tokens = await door.signed_in()
    await door.rows("UPDATE account SET password_hash = NULL WHERE id = $1::text::uuid", tokens["user"]["id"])
    return tokens


async def test_an_account_without_a_password_shows_a_proof_that_is_not_old_instead(
    door: Door, time: FixedClock
) -> None:
    tokens = await without_password(door)
    assert problem(await door.act("/auth/mfa/totp", tokens, {"password": PASSWORD}), 422)[1] == "wrong_password"
    secret = data(await door.act("/auth/mfa/totp", tokens, {}), 201)["secret"]
    data(await door.act("/auth/mfa/totp/confirm", tokens, {"code": app_code(secret, -1)}))
    assert problem(await delete(door, "/auth/mfa/totp", tokens, {}), 422) == ("code", "otp_required")
    time.advance(STALE)
    code = {"code": app_code(secret)}
    assert problem(await delete(door, "/auth/mfa/totp", tokens, code), 403) == REQUIRED
    assert problem(await door.act("/auth/password/change", tokens, code | {"new_password": "a new secret"}), 403)


async def test_an_account_without_a_password_chooses_one_after_a_proof(door: Door) -> None:
    tokens = await without_password(door)
    data(await door.act("/auth/password/change", tokens, {"new_password": "a secret of my own"}))
    assert (await door.login(tokens["user"]["email"], "a secret of my own")).status_code == 200


async def test_a_password_that_there_is_cannot_be_left_out(door: Door) -> None:
    tokens = await door.signed_in()
    missing = await door.act("/auth/password/change", tokens, {"new_password": "a secret of my own"})
    assert problem(missing, 422) == ("current_password", "password_missing")
    assert problem(await delete(door, "/auth/mfa/totp", tokens, {}), 422) == ("password", "password_missing")
