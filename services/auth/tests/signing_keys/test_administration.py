"""Signing keys rotated and revoked by an administrator."""

from services.auth.tests.harness import AuthApi, data, problem

from auth.signing_keys.domain import MIN_PUBLISHED
from common.clock import FixedClock
from common.contracts.auth import SigningKeysWithdrawn
from common.testing import facts


async def test_an_administrator_rotates_the_keys_but_not_before_verifiers_know_the_next(
    api: AuthApi, time: FixedClock
) -> None:
    admin = await api.admin()
    assert problem(await api.act("/auth/signing-keys/rotate", admin), 409)[1] == "rotated_just_now"
    time.advance(MIN_PUBLISHED)
    keys = data(await api.act("/auth/signing-keys/rotate", admin))
    assert [key["state"] for key in keys].count("active") == 1
    assert {key["state"] for key in keys} == {"next", "active", "retired"}
    assert set(keys[0]) == {"kid", "state", "created_at", "activated_at", "retired_at"}
    assert (await api.get("/auth/me", admin)).status_code == 200
    assert data(await api.get("/auth/signing-keys", admin)) == keys


async def test_tokens_of_revoked_keys_are_rejected_and_can_be_refreshed(api: AuthApi) -> None:
    customer, admin = await api.signed_in(), await api.admin()
    before = {key["kid"] for key in (await api.http.get("/.well-known/jwks.json")).json()["keys"]}
    keys = data(await api.act("/auth/signing-keys/withdraw", admin))
    assert [key["state"] for key in keys].count("active") == 1
    assert before.isdisjoint(key["kid"] for key in keys)
    [event] = await facts(api.database, SigningKeysWithdrawn)
    assert set(event.key_ids) == before
    for tokens in (customer, admin):
        assert problem(await api.get("/auth/me", tokens), 401)[1] == "token_invalid"
        again = data(await api.refresh(tokens["refresh_token"]))
        assert (await api.get("/auth/me", again)).status_code == 200
    assert await api.audited(None, "withdraw_keys") == ["by_admin"]


async def test_customers_may_neither_see_nor_replace_signing_keys(api: AuthApi) -> None:
    customer = await api.signed_in()
    for path in ("/auth/signing-keys/rotate", "/auth/signing-keys/withdraw"):
        assert (await api.act(path, customer)).status_code == 403
    assert (await api.get("/auth/signing-keys", customer)).status_code == 403
