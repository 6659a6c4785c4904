"""Step-up: sensitive requests require an authentication of the last five minutes."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from services.auth.tests.api_keys.helpers import create_key, exchange
from services.auth.tests.harness import PASSWORD, AuthApi, bearer, data, problem
from services.auth.tests.passkeys.authenticator import PRESENT, Authenticator
from services.auth.tests.passkeys.owners import passkey_owner, sign_in_options
from services.auth.tests.totp.factors import app_code, delete, totp_user

from common.clock import FixedClock

Tokens = dict[str, Any]
STALE = timedelta(seconds=301)
REQUIRED = ("password", "step_up_required")
KEY = {"name": "Till", "scopes": ["read"]}


async def step_up(api: AuthApi, tokens: Tokens, body: Any) -> httpx.Response:
    return await api.act("/auth/step-up", tokens, body)


async def step_up_by_passkey(api: AuthApi, tokens: Tokens, authenticator: Authenticator) -> httpx.Response:
    options = data(await api.act("/auth/step-up/options", tokens))
    return await step_up(api, tokens, {"passkey": authenticator.get(options)})


async def sensitive_requests(api: AuthApi, tokens: Tokens, key_id: str, **credentials: str) -> list[httpx.Response]:
    """Requests that require a recent authentication, except the deletion of the account."""
    return [
        await api.act("/api-keys", tokens, KEY | credentials),
        await api.act(f"/api-keys/{key_id}/rotate", tokens, credentials or None),
        await api.act("/auth/passkeys/options", tokens, credentials or None),
    ]


async def test_sensitive_requests_require_a_recent_authentication(api: AuthApi, time: FixedClock) -> None:
    tokens = await api.signed_in()
    key = await create_key(api, tokens)
    assert [answer.status_code for answer in await sensitive_requests(api, tokens, key["id"])] == [201, 200, 200]
    time.advance(STALE)
    assert [problem(answer, 403) for answer in await sensitive_requests(api, tokens, key["id"])] == [REQUIRED] * 3
    assert problem(await delete(api, "/auth/me", tokens), 403) == REQUIRED
    assert await api.audited(tokens["user"]["id"], "step_up") == ["required"] * 4

    given = await sensitive_requests(api, tokens, key["id"], password=PASSWORD)
    assert [answer.status_code for answer in given] == [201, 200, 200]
    wrong = await sensitive_requests(api, tokens, key["id"], password="a wrong guess")
    assert [problem(answer, 422) for answer in wrong] == [("password", "wrong_password")] * 3
    # A password in the body counts for its own request only.
    assert problem(await api.act("/api-keys", tokens, KEY), 403) == REQUIRED

    assert data(await step_up(api, tokens, {"password": PASSWORD})) == {"expires_in": 300}
    assert [answer.status_code for answer in await sensitive_requests(api, tokens, key["id"])] == [201, 200, 200]
    data(await delete(api, "/auth/me", tokens))


async def test_a_refreshed_session_is_as_old_as_its_sign_in(api: AuthApi, time: FixedClock) -> None:
    tokens = await api.signed_in()
    time.advance(STALE)
    fresh = data(await api.refresh(tokens["refresh_token"]))
    assert problem(await api.act("/api-keys", fresh, KEY), 403) == REQUIRED


async def test_a_step_up_counts_for_its_own_session_only(api: AuthApi, time: FixedClock) -> None:
    mine = await api.signed_in()
    stolen = await api.signed_in(mine["user"]["email"])
    time.advance(STALE)
    data(await step_up(api, mine, {"password": PASSWORD}))
    assert (await api.act("/api-keys", mine, KEY)).status_code == 201
    assert problem(await api.act("/api-keys", stolen, KEY), 403) == REQUIRED


async def test_with_a_second_factor_a_step_up_takes_both(api: AuthApi, time: FixedClock) -> None:
    person = await totp_user(api)
    time.advance(STALE)
    assert problem(await step_up(api, person.tokens, {"password": PASSWORD}), 422) == ("code", "otp_required")
    data(await step_up(api, person.tokens, {"password": PASSWORD, "code": app_code(person.secret)}))
    assert (await api.act("/api-keys", person.tokens, KEY)).status_code == 201
    assert await api.audited(person.id, "step_up") == ["succeeded"]


async def test_a_passkey_steps_up_alone(api: AuthApi, time: FixedClock) -> None:
    person = await passkey_owner(api)
    time.advance(STALE)
    options = data(await api.act("/auth/step-up/options", person.tokens))
    assert (len(options["allowCredentials"]), options["userVerification"]) == (1, "required")
    data(await step_up(api, person.tokens, {"passkey": person.authenticator.get(options)}))
    assert (await api.act("/api-keys", person.tokens, KEY)).status_code == 201


async def test_a_step_up_requires_an_own_passkey_and_a_challenge_for_step_up(api: AuthApi, time: FixedClock) -> None:
    person, other = await passkey_owner(api), await passkey_owner(api)
    time.advance(STALE)
    rejected = ("passkey", "passkey_invalid")
    assert problem(await step_up_by_passkey(api, person.tokens, other.authenticator), 422) == rejected
    assert (
        problem(await step_up_by_passkey(api, person.tokens, person.authenticator.but(flags=PRESENT)), 422) == rejected
    )
    of_sign_in = {"passkey": person.authenticator.get(await sign_in_options(api))}
    assert problem(await step_up(api, person.tokens, of_sign_in), 422) == rejected
    of_other = {"passkey": person.authenticator.get(data(await api.act("/auth/step-up/options", other.tokens)))}
    assert problem(await step_up(api, person.tokens, of_other), 422) == rejected
    copy = person.authenticator.but()
    data(await step_up_by_passkey(api, person.tokens, person.authenticator))
    assert problem(await step_up_by_passkey(api, person.tokens, copy), 422)[1] == "passkey_invalid"
    outcomes = ["unknown_passkey", "wrong_passkey", *["unknown_challenge"] * 2, "succeeded", "counter_went_back"]
    assert await api.audited(person.id, "step_up") == outcomes


async def test_wrong_passkeys_are_throttled_apart_from_sign_in(api: AuthApi) -> None:
    person = await passkey_owner(api)
    wrong = person.authenticator.but(flags=PRESENT)
    answers = [await step_up_by_passkey(api, person.tokens, wrong) for _ in range(6)]
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
    of_key = data(await exchange(api, (await create_key(api, tokens))["key"]))
    answer = await api.act(path, of_key, KEY | {"password": PASSWORD})
    assert problem(answer, 403)[1] == "insufficient_scope"
    rejected = await api.http.request("DELETE", "/api/v1/auth/me", headers=bearer(of_key), json={"password": PASSWORD})
    assert problem(rejected, 403)[1] == "insufficient_scope"


async def without_password(api: AuthApi) -> Tokens:
    """Tokens of an account without a password, as sign-in with another issuer creates it."""
    tokens = await api.signed_in()
    await api.rows("UPDATE account SET password_hash = NULL WHERE id = $1::text::uuid", tokens["user"]["id"])
    return tokens


async def test_a_recent_authentication_replaces_the_password_that_an_account_does_not_have(
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


async def test_an_account_without_a_password_sets_one_after_a_recent_authentication(api: AuthApi) -> None:
    tokens = await without_password(api)
    data(await api.act("/auth/password/change", tokens, {"new_password": "a secret of my own"}))
    assert (await api.login(tokens["user"]["email"], "a secret of my own")).status_code == 200


async def test_an_account_with_a_password_must_give_it(api: AuthApi) -> None:
    tokens = await api.signed_in()
    missing = await api.act("/auth/password/change", tokens, {"new_password": "a secret of my own"})
    assert problem(missing, 422) == ("current_password", "password_missing")
    assert problem(await delete(api, "/auth/mfa/totp", tokens, {}), 422) == ("password", "password_missing")
