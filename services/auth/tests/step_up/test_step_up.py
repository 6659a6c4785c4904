"""What a stolen session must not do asks for a proof of who one is that is not older than five minutes."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from services.auth.tests.api_keys.keys import exchange, made
from services.auth.tests.harness import PASSWORD, AuthApi, bearer, data, problem
from services.auth.tests.passkeys.authenticator import PRESENT, Authenticator
from services.auth.tests.passkeys.passkeys import challenged, keeper
from services.auth.tests.totp.factors import app_code, delete, guarded

from common.clock import FixedClock

Tokens = dict[str, Any]
STALE = timedelta(seconds=301)
REQUIRED = ("password", "step_up_required")
KEY = {"name": "Till", "scopes": ["read"]}


async def step_up(api: AuthApi, tokens: Tokens, body: Any) -> httpx.Response:
    return await api.act("/auth/step-up", tokens, body)


async def stepped(api: AuthApi, tokens: Tokens, authenticator: Authenticator) -> httpx.Response:
    options = data(await api.act("/auth/step-up/options", tokens))
    return await step_up(api, tokens, {"passkey": authenticator.get(options)})


async def guarded_acts(api: AuthApi, tokens: Tokens, key_id: str, **proof: str) -> list[httpx.Response]:
    """Each of what asks for a fresh proof, but for the deletion of the account."""
    return [
        await api.act("/api-keys", tokens, KEY | proof),
        await api.act(f"/api-keys/{key_id}/rotate", tokens, proof or None),
        await api.act("/auth/passkeys/options", tokens, proof or None),
    ]


async def test_what_a_stolen_session_must_not_do_asks_for_a_fresh_proof(api: AuthApi, time: FixedClock) -> None:
    tokens = await api.signed_in()
    key = await made(api, tokens)
    assert [answer.status_code for answer in await guarded_acts(api, tokens, key["id"])] == [201, 200, 200]
    time.advance(STALE)
    assert [problem(answer, 403) for answer in await guarded_acts(api, tokens, key["id"])] == [REQUIRED] * 3
    assert problem(await delete(api, "/auth/me", tokens), 403) == REQUIRED
    assert await api.audited(tokens["user"]["id"], "step_up") == ["required"] * 4

    given = await guarded_acts(api, tokens, key["id"], password=PASSWORD)
    assert [answer.status_code for answer in given] == [201, 200, 200]
    wrong = await guarded_acts(api, tokens, key["id"], password="a wrong guess")
    assert [problem(answer, 422) for answer in wrong] == [("password", "wrong_password")] * 3
    # A proof in the body is for this request alone.
    assert problem(await api.act("/api-keys", tokens, KEY), 403) == REQUIRED

    assert data(await step_up(api, tokens, {"password": PASSWORD})) == {"expires_in": 300}
    assert [answer.status_code for answer in await guarded_acts(api, tokens, key["id"])] == [201, 200, 200]
    data(await delete(api, "/auth/me", tokens))


async def test_a_refreshed_session_is_as_old_as_its_sign_in(api: AuthApi, time: FixedClock) -> None:
    tokens = await api.signed_in()
    time.advance(STALE)
    fresh = data(await api.refresh(tokens["refresh_token"]))
    assert problem(await api.act("/api-keys", fresh, KEY), 403) == REQUIRED


async def test_a_proof_is_of_the_session_that_gave_it(api: AuthApi, time: FixedClock) -> None:
    mine = await api.signed_in()
    stolen = await api.signed_in(mine["user"]["email"])
    time.advance(STALE)
    data(await step_up(api, mine, {"password": PASSWORD}))
    assert (await api.act("/api-keys", mine, KEY)).status_code == 201
    assert problem(await api.act("/api-keys", stolen, KEY), 403) == REQUIRED


async def test_with_a_second_factor_a_step_up_takes_both(api: AuthApi, time: FixedClock) -> None:
    person = await guarded(api)
    time.advance(STALE)
    assert problem(await step_up(api, person.tokens, {"password": PASSWORD}), 422) == ("code", "otp_required")
    data(await step_up(api, person.tokens, {"password": PASSWORD, "code": app_code(person.secret)}))
    assert (await api.act("/api-keys", person.tokens, KEY)).status_code == 201
    assert await api.audited(person.id, "step_up") == ["succeeded"]


async def test_a_passkey_steps_up_alone(api: AuthApi, time: FixedClock) -> None:
    person = await keeper(api)
    time.advance(STALE)
    options = data(await api.act("/auth/step-up/options", person.tokens))
    assert (len(options["allowCredentials"]), options["userVerification"]) == (1, "required")
    data(await step_up(api, person.tokens, {"passkey": person.authenticator.get(options)}))
    assert (await api.act("/api-keys", person.tokens, KEY)).status_code == 201


async def test_a_step_up_takes_an_own_passkey_and_a_challenge_for_it(api: AuthApi, time: FixedClock) -> None:
    person, other = await keeper(api), await keeper(api)
    time.advance(STALE)
    refused = ("passkey", "passkey_invalid")
    assert problem(await stepped(api, person.tokens, other.authenticator), 422) == refused
    assert problem(await stepped(api, person.tokens, person.authenticator.but(flags=PRESENT)), 422) == refused
    of_sign_in = {"passkey": person.authenticator.get(await challenged(api))}
    assert problem(await step_up(api, person.tokens, of_sign_in), 422) == refused
    of_other = {"passkey": person.authenticator.get(data(await api.act("/auth/step-up/options", other.tokens)))}
    assert problem(await step_up(api, person.tokens, of_other), 422) == refused
    copy = person.authenticator.but()
    data(await stepped(api, person.tokens, person.authenticator))
    assert problem(await stepped(api, person.tokens, copy), 422)[1] == "passkey_invalid"
    trail = ["unknown_passkey", "wrong_passkey", *["unknown_challenge"] * 2, "succeeded", "counter_went_back"]
    assert await api.audited(person.id, "step_up") == trail


async def test_wrong_passkeys_are_slowed_and_lock_nobody_out(api: AuthApi) -> None:
    person = await keeper(api)
    wrong = person.authenticator.but(flags=PRESENT)
    answers = [await stepped(api, person.tokens, wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert problem(await step_up(api, person.tokens, {"password": PASSWORD}), 429)[1] == "too_many_attempts"
    assert (await api.login(person.tokens["user"]["email"])).status_code == 200


async def test_a_step_up_says_what_is_missing(api: AuthApi) -> None:
    tokens = await api.signed_in()
    for nothing in ({}, {"code": "123456"}):
        assert problem(await step_up(api, tokens, nothing), 422) == ("password", "proof_missing")
    assert problem(await api.act("/auth/step-up/options", tokens), 409) == ("passkey", "no_passkey")
    assert (await api.post("/auth/step-up", {"password": PASSWORD})).status_code == 401


@pytest.mark.parametrize("path", ["/auth/step-up", "/auth/step-up/options", "/api-keys", "/auth/passkeys/options"])
async def test_the_token_of_an_api_key_never_steps_up(api: AuthApi, path: str) -> None:
    tokens = await api.signed_in()
    of_key = data(await exchange(api, (await made(api, tokens))["key"]))
    answer = await api.act(path, of_key, KEY | {"password": PASSWORD})
    assert problem(answer, 403)[1] == "insufficient_scope"
    refused = await api.http.request("DELETE", "/api/v1/auth/me", headers=bearer(of_key), json={"password": PASSWORD})
    assert problem(refused, 403)[1] == "insufficient_scope"


async def without_password(api: AuthApi) -> Tokens:
    """Signed in to an account as other issuers make them."""
    tokens = await api.signed_in()
    await api.rows("UPDATE account SET password_hash = NULL WHERE id = $1::text::uuid", tokens["user"]["id"])
    return tokens


async def test_an_account_without_a_password_shows_a_proof_that_is_not_old_instead(
    api: AuthApi, time: FixedClock
) -> None:
    tokens = await without_password(api)
    assert problem(await api.act("/auth/mfa/totp", tokens, {"password": PASSWORD}), 422)[1] == "wrong_password"
    secret = data(await api.act("/auth/mfa/totp", tokens, {}), 201)["secret"]
    data(await api.act("/auth/mfa/totp/confirm", tokens, {"code": app_code(secret, -1)}))
    assert problem(await delete(api, "/auth/mfa/totp", tokens, {}), 422) == ("code", "otp_required")
    time.advance(STALE)
    code = {"code": app_code(secret)}
    assert problem(await delete(api, "/auth/mfa/totp", tokens, code), 403) == REQUIRED
    assert problem(await api.act("/auth/password/change", tokens, code | {"new_password": "a new secret"}), 403)


async def test_an_account_without_a_password_chooses_one_after_a_proof(api: AuthApi) -> None:
    tokens = await without_password(api)
    data(await api.act("/auth/password/change", tokens, {"new_password": "a secret of my own"}))
    assert (await api.login(tokens["user"]["email"], "a secret of my own")).status_code == 200


async def test_a_password_that_there_is_cannot_be_left_out(api: AuthApi) -> None:
    tokens = await api.signed_in()
    missing = await api.act("/auth/password/change", tokens, {"new_password": "a secret of my own"})
    assert problem(missing, 422) == ("current_password", "password_missing")
    assert problem(await delete(api, "/auth/mfa/totp", tokens, {}), 422) == ("password", "password_missing")
