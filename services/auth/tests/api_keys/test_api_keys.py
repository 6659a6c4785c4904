"""API keys: created, exchanged for short tokens, rotated, revoked."""

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from services.auth.tests.api_keys.helpers import call, create_key, exchange
from services.auth.tests.harness import AuthApi, claims, data, problem

from auth.api_keys.domain import MAX_KEYS_IN_USE, lease, public_id_of
from common import clock
from common.contracts.auth import ApiKeyRevoked, SessionRevoked
from common.ids import new_id


async def test_a_key_is_returned_once_and_exchanged_for_a_token_with_its_scopes(api: AuthApi) -> None:
    tokens = await api.signed_in()
    key = await create_key(api, tokens, scopes=["catalog:read", "read"])
    assert public_id_of(key["key"]) == key["prefix"].removeprefix("dk_")

    good = data(await exchange(api, key["key"]))

    said = claims(good)
    assert (said["sub"], said["scope"], said["roles"]) == (tokens["user"]["id"], "read catalog:read", ["customer"])
    assert 200 < said["exp"] - said["iat"] <= 300
    assert (good["uses"], good["bound"]) == (None, False)
    shown = data(await api.get(f"/api-keys/{key['id']}", tokens))
    assert shown["last_used_at"] is not None
    assert "key" not in shown


async def test_a_keys_token_reads_but_changes_nothing_at_auth(api: AuthApi) -> None:
    tokens = await api.signed_in()
    key = await create_key(api, tokens)
    good = data(await exchange(api, key["key"]))

    assert data(await api.get("/auth/me", good))["id"] == tokens["user"]["id"]
    rejected = await api.act("/api-keys", good, {"name": "Another", "scopes": ["read"]})
    assert problem(rejected, 403)[1] == "insufficient_scope"


async def test_all_invalid_keys_get_the_same_error(api: AuthApi) -> None:
    tokens = await api.signed_in()
    one, other = await create_key(api, tokens), await create_key(api, tokens)
    prefix, secret = one["prefix"], one["key"].removeprefix(f"{one['prefix']}_")
    hostile = [
        one["key"][:-1],
        one["key"] + "=",
        one["key"].upper(),
        f"{other['prefix']}_{secret}",
        f"{prefix}_{'A' * 43}",
        f"dk_{'0' * 16}_{secret}",
        one["key"][3:],
        "dk__",
        "x",
        "dk_\t",
        f"{prefix}_{'é' * 43}",
    ]
    answers = [await exchange(api, key) for key in hostile]

    assert {problem(answer, 401)[1] for answer in answers} == {"api_key_invalid"}
    assert len({answer.json()["message"] for answer in answers}) == 1
    assert await api.audited(tokens["user"]["id"], "use_api_key") == ["wrong_secret"] * 2
    assert problem(await exchange(api, ""), 422)[0] == "key"
    assert problem(await exchange(api, "dk_\u0000"), 422) == ("key", "unstorable_value")


async def test_revoking_a_key_rejects_it_and_its_tokens_and_publishes_events(api: AuthApi) -> None:
    tokens = await api.signed_in()
    key = await create_key(api, tokens)
    good = data(await exchange(api, key["key"]))
    assert (await api.get("/auth/me", good)).status_code == 200

    revoked = data(await call(api, "DELETE", f"/api-keys/{key['id']}", tokens))

    assert revoked["status"] == "revoked"
    assert problem(await exchange(api, key["key"]), 401)[1] == "api_key_revoked"
    assert problem(await api.get("/auth/me", good), 401)[1] == "session_revoked"
    [fact] = await api.published(ApiKeyRevoked, tokens["user"]["id"])
    [ended] = await api.published(SessionRevoked, tokens["user"]["id"])
    assert (str(fact.api_key_id), str(ended.session_id)) == (key["id"], claims(good)["sid"])
    listed = (await api.http.get("/internal/revocations")).json()["data"]
    assert claims(good)["sid"] in {entry["session_id"] for entry in listed}

    again = data(await call(api, "DELETE", f"/api-keys/{key['id']}", tokens))
    assert again == revoked
    assert len(await api.published(ApiKeyRevoked, tokens["user"]["id"])) == 1


async def test_a_key_expires_and_no_token_of_it_outlives_it(api: AuthApi, time: clock.FixedClock) -> None:
    tokens = await api.signed_in()
    ends = time.now() + timedelta(minutes=2)
    key = await create_key(api, tokens, expires_at=ends.isoformat())

    assert claims(data(await exchange(api, key["key"])))["exp"] <= ends.timestamp()
    time.advance(timedelta(minutes=2))
    assert problem(await exchange(api, key["key"]), 401)[1] == "api_key_expired"


@pytest.mark.parametrize(
    ("address", "status"),
    [("203.0.113.9", 200), ("2001:db8::7", 200), ("198.51.100.7", 200), ("198.51.100.8", 403), ("2001:db9::", 403)],
)
async def test_a_key_is_valid_from_its_networks_only(api: AuthApi, address: str, status: int) -> None:
    allowed = ["203.0.113.0/24", "2001:db8::/32", "198.51.100.7"]
    key = await create_key(api, await api.signed_in(), ip_allow=allowed)
    assert key["ip_allow"] == ["203.0.113.0/24", "2001:db8::/32", "198.51.100.7/32"]

    answer = await exchange(api, key["key"], address)

    assert answer.status_code == status
    if status == 200:
        assert answer.json()["data"]["bound"] is True
    else:
        assert problem(answer, 403)[1] == "api_key_address"


async def test_after_a_rotation_the_old_secret_works_for_a_while_and_no_longer(
    api: AuthApi, time: clock.FixedClock
) -> None:
    tokens = await api.signed_in()
    old = await create_key(api, tokens)
    new = data(await api.act(f"/api-keys/{old['id']}/rotate", tokens, {"overlap_seconds": 120}))

    assert (new["id"], new["prefix"]) == (old["id"], old["prefix"])
    retires = datetime.fromisoformat(new["old_secret_until"])
    assert claims(data(await exchange(api, old["key"])))["exp"] <= retires.timestamp()
    data(await exchange(api, new["key"]))
    time.advance(timedelta(seconds=120))
    assert problem(await exchange(api, old["key"]), 401)[1] == "api_key_invalid"
    data(await exchange(api, new["key"]))


async def test_a_rotation_without_overlap_revokes_tokens_of_the_old_secret(api: AuthApi) -> None:
    tokens = await api.signed_in()
    old = await create_key(api, tokens)
    good = data(await exchange(api, old["key"]))

    new = data(await api.act(f"/api-keys/{old['id']}/rotate", tokens, {"overlap_seconds": 0}))

    assert problem(await exchange(api, old["key"]), 401)[1] == "api_key_invalid"
    assert problem(await api.get("/auth/me", good), 401)[1] == "session_revoked"
    assert (await api.get("/auth/me", data(await exchange(api, new["key"])))).status_code == 200


async def test_a_second_rotation_ends_the_first_secret(api: AuthApi) -> None:
    tokens = await api.signed_in()
    first = await create_key(api, tokens)
    second = data(await api.act(f"/api-keys/{first['id']}/rotate", tokens))
    third = data(await api.act(f"/api-keys/{first['id']}/rotate", tokens))

    assert [(await exchange(api, key["key"])).status_code for key in (first, second, third)] == [401, 200, 200]


async def test_a_revoked_key_is_not_rotated(api: AuthApi) -> None:
    tokens = await api.signed_in()
    key = await create_key(api, tokens)
    await call(api, "DELETE", f"/api-keys/{key['id']}", tokens)

    assert problem(await api.act(f"/api-keys/{key['id']}/rotate", tokens), 409)[1] == "api_key_revoked"


async def test_signing_out_everywhere_ends_a_keys_tokens_and_leaves_the_key(api: AuthApi) -> None:
    tokens = await api.signed_in()
    key = await create_key(api, tokens)
    before = data(await exchange(api, key["key"]))
    assert (await api.act("/auth/logout-all", tokens)).status_code == 200

    assert problem(await api.get("/auth/me", before), 401)[1] == "session_revoked"
    assert (await api.get("/auth/me", data(await exchange(api, key["key"])))).status_code == 200


async def test_the_key_of_a_closed_account_is_rejected(api: AuthApi) -> None:
    tokens, admin = await api.signed_in(), await api.admin()
    key = await create_key(api, tokens)
    good = data(await exchange(api, key["key"]))
    assert (await api.act(f"/users/{tokens['user']['id']}/deactivate", admin)).status_code == 200

    assert problem(await exchange(api, key["key"]), 401)[1] == "api_key_invalid"
    assert problem(await api.get("/auth/me", good), 401)[1] == "session_revoked"


async def test_daily_requests_are_leased_up_to_the_limit(api: AuthApi, time: clock.FixedClock) -> None:
    evening = time.now().replace(hour=20, minute=0, second=0, microsecond=0) + timedelta(days=1)
    time.advance(evening - time.now())
    tokens = await api.signed_in()
    key = await create_key(api, tokens, daily_limit=2)

    assert [data(await exchange(api, key["key"]))["uses"] for _ in range(2)] == [1, 1]
    spent = await exchange(api, key["key"])
    assert problem(spent, 429)[1] == "daily_limit_reached"
    assert spent.headers["retry-after"] == str(4 * 3600)
    assert data(await api.get(f"/api-keys/{key['id']}", tokens))["used_today"] == 2

    time.advance(timedelta(hours=4))
    assert data(await exchange(api, key["key"]))["uses"] == 1


@pytest.mark.parametrize(
    ("limit", "spent", "leased"), [(1, 0, 1), (1, 1, 0), (8000, 0, 2), (8001, 8000, 1), (9, 12, 0)]
)
def test_a_lease_never_exceeds_the_remaining_requests(limit: int, spent: int, leased: int) -> None:
    assert lease(limit, spent) == leased


async def test_users_see_their_own_keys_and_administrators_all(api: AuthApi) -> None:
    asha, juma, admin = await api.signed_in(), await api.signed_in(), await api.admin()
    key = await create_key(api, asha)
    path = f"/api-keys/{key['id']}"

    for verb, where in (("GET", path), ("DELETE", path), ("POST", f"{path}/rotate")):
        assert problem(await call(api, verb, where, juma), 404)[1] == "api_key_not_found"
    assert data(await api.get("/api-keys", juma)) == []
    theirs = {"user_id": asha["user"]["id"]}
    assert problem(await api.get("/api-keys", juma, params=theirs), 403)[0] == "user_id"
    fields = {"name": "Theirs", "scopes": ["read"]} | theirs
    assert problem(await api.act("/api-keys", juma, fields), 403)[0] == "user_id"

    given = data(await api.act("/api-keys", admin, fields), 201)
    assert given["user_id"] == asha["user"]["id"]
    assert [key["name"] for key in data(await api.get("/api-keys", asha))] == ["Theirs", "Till"]
    assert {key["id"] for key in data(await api.get("/api-keys", admin, params=theirs))} == {key["id"], given["id"]}
    assert await api.audited(asha["user"]["id"], "create_api_key") == ["succeeded"] * 2
    nobody = fields | {"user_id": str(new_id())}
    assert problem(await api.act("/api-keys", admin, nobody), 404)[1] == "user_not_found"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["auth:write"]}, "scopes.0"),
        ({"scopes": ["read", "everything"]}, "scopes.1"),
        ({"name": ""}, "name"),
        ({"daily_limit": 0}, "daily_limit"),
        ({"daily_limit": "5"}, "daily_limit"),
        ({"ip_allow": ["10.0.0.1/8"]}, "ip_allow.0"),
        ({"ip_allow": ["here"]}, "ip_allow.0"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ],
)
async def test_an_invalid_field_is_named(api: AuthApi, fields: Any, field: str) -> None:
    body = {"name": "Till", "scopes": ["read"]} | fields
    assert problem(await api.act("/api-keys", await api.signed_in(), body), 422)[0] == field


async def test_the_number_of_keys_in_use_is_limited(api: AuthApi) -> None:
    tokens = await api.signed_in()
    for _ in range(MAX_KEYS_IN_USE):
        key = await create_key(api, tokens)
    body = {"name": "One more", "scopes": ["read"]}
    assert problem(await api.act("/api-keys", tokens, body), 409)[1] == "too_many_api_keys"
    await call(api, "DELETE", f"/api-keys/{key['id']}", tokens)
    assert (await api.act("/api-keys", tokens, body)).status_code == 201


async def test_no_key_is_stored_published_or_logged_in_clear(api: AuthApi, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = await api.signed_in()
    old = await create_key(api, tokens)
    new = data(await api.act(f"/api-keys/{old['id']}/rotate", tokens))
    for key in (old, new):
        data(await exchange(api, key["key"]))
    await call(api, "DELETE", f"/api-keys/{old['id']}", tokens)

    payloads = await api.rows("SELECT convert_from(payload, 'UTF8') AS text FROM outbox")
    stored = await api.stored_text("api_key", "audit", "session", "outbox") + str([row["text"] for row in payloads])
    for key in (old, new):
        secret = key["key"].removeprefix(f"{key['prefix']}_")
        hidden = stored + caplog.text
        assert secret not in hidden
        assert secret.encode().hex() not in hidden


async def test_possession_of_a_key_is_enough_to_revoke_it(api: AuthApi) -> None:
    tokens = await api.signed_in()
    key = await create_key(api, tokens)
    good = data(await exchange(api, key["key"]))

    data(await api.post("/api-keys/revoke", {"key": key["key"]}))

    assert problem(await exchange(api, key["key"]), 401)[1] == "api_key_revoked"
    assert problem(await api.get("/auth/me", good), 401)[1] == "session_revoked"
    assert len(await api.published(ApiKeyRevoked, tokens["user"]["id"])) == 1
    assert await api.audited(tokens["user"]["id"], "revoke_api_key") == ["succeeded"]
    data(await api.post("/api-keys/revoke", {"key": key["key"]}))


async def test_the_old_secret_of_a_rotated_key_can_revoke_it_while_it_works(
    api: AuthApi, time: clock.FixedClock
) -> None:
    tokens = await api.signed_in()
    keys = [await create_key(api, tokens) for _ in range(2)]
    for key in keys:
        await api.act(f"/api-keys/{key['id']}/rotate", tokens, {"overlap_seconds": 60})
    data(await api.post("/api-keys/revoke", {"key": keys[0]["key"]}))
    time.advance(timedelta(seconds=61))
    assert problem(await api.post("/api-keys/revoke", {"key": keys[1]["key"]}), 401)[1] == "api_key_invalid"


async def test_revoking_with_a_wrong_key_is_rejected_and_throttled(api: AuthApi) -> None:
    tokens = await api.signed_in()
    key = await create_key(api, tokens)
    wrong = [f"{key['prefix']}_{'A' * 43}"] * 5 + [f"dk_{'0' * 16}_{'A' * 43}", "x", "dk_\t"]
    answers = [await api.post("/api-keys/revoke", {"key": text}) for text in wrong]
    assert {problem(answer, 401)[1] for answer in answers} == {"api_key_invalid"}
    assert problem(await api.post("/api-keys/revoke", {"key": key["key"]}), 429)[1] == "too_many_attempts"
    elsewhere = {"X-Forwarded-For": "198.51.100.9"}
    data(await api.post("/api-keys/revoke", {"key": key["key"]}, headers=elsewhere))
