"""Keys rotated and everybody signed out by order of an administrator."""

from datetime import timedelta

import pytest
from services.auth.tests.harness import Door, data, problem

from auth.domain.keyring import KNOWN_AFTER
from common.clock import FixedClock
from common.contracts.auth import SessionRevoked, SigningKeysWithdrawn
from common.testing import facts


async def test_an_administrator_rotates_the_keys_but_not_before_verifiers_know_the_next(
    door: Door, time: FixedClock
) -> None:
    admin = await door.admin()
    assert problem(await door.act("/auth/signing-keys/rotate", admin), 409)[1] == "rotated_just_now"
    time.advance(KNOWN_AFTER)
    keys = data(await door.act("/auth/signing-keys/rotate", admin))
    assert [key["state"] for key in keys].count("active") == 1
    assert {key["state"] for key in keys} == {"next", "active", "retired"}
    assert set(keys[0]) == {"kid", "state", "created_at", "activated_at", "retired_at"}
    assert (await door.get("/auth/me", admin)).status_code == 200
    assert data(await door.get("/auth/signing-keys", admin)) == keys


async def test_withdrawn_keys_verify_nothing_and_a_refresh_gives_a_token_of_the_new_one(door: Door) -> None:
    customer, admin = await door.signed_in(), await door.admin()
    before = {key["kid"] for key in (await door.http.get("/.well-known/jwks.json")).json()["keys"]}
    keys = data(await door.act("/auth/signing-keys/withdraw", admin))
    assert [key["state"] for key in keys].count("active") == 1
    assert before.isdisjoint(key["kid"] for key in keys)
    [told] = await facts(door.database, SigningKeysWithdrawn)
    assert set(told.key_ids) == before
    for tokens in (customer, admin):
        assert problem(await door.get("/auth/me", tokens), 401)[1] == "token_invalid"
        again = data(await door.refresh(tokens["refresh_token"]))
        assert (await door.get("/auth/me", again)).status_code == 200
    assert await door.audited(None, "withdraw_keys") == ["by_admin"]


async def test_everybody_is_signed_out_in_batches(
    door: Door, time: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auth.api.emergencies.BATCH", 2)
    people = [await door.signed_in() for _ in range(4)]
    admin = await door.admin()
    time.advance(timedelta(seconds=1))
    ended = data(await door.act("/users/logout-all", admin))["sessions"]
    assert ended == len(people) + 1
    for tokens in (*people, admin):
        assert (await door.get("/auth/me", tokens)).status_code == 401
        assert (await door.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]})).status_code == 401
    assert len(await facts(door.database, SessionRevoked)) == ended
    assert (await door.login(people[0]["user"]["email"])).status_code == 200


async def test_customers_may_do_none_of_it(door: Door) -> None:
    customer = await door.signed_in()
    for path in ("/auth/signing-keys/rotate", "/auth/signing-keys/withdraw", "/users/logout-all"):
        assert (await door.act(path, customer)).status_code == 403
    assert (await door.get("/auth/signing-keys", customer)).status_code == 403
