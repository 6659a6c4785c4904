"""Staff administer the accounts and keys of customers and staff, and none of administrators."""

from typing import Any

import pytest
from services.auth.tests.harness import PASSWORD, AuthApi, bearer, data, problem


async def clerk_of(api: AuthApi, admin: dict[str, Any]) -> dict[str, Any]:
    body = {"email": "clerk@shop.test", "password": PASSWORD, "role": "staff"}
    data(await api.act("/users", admin, body), 201)
    clerk: dict[str, Any] = await api.signed_in("clerk@shop.test")
    return clerk


async def test_staff_create_change_close_and_reopen_accounts_of_customers(api: AuthApi) -> None:
    clerk = await clerk_of(api, await api.admin())
    made = data(await api.act("/users", clerk, {"email": "juma@shop.test", "password": PASSWORD}), 201)
    path = f"/users/{made['id']}"
    assert data(await api.patch(path, {"first_name": "Juma"}, clerk))["first_name"] == "Juma"
    for step in ("deactivate", "activate", "logout"):
        assert (await api.act(f"{path}/{step}", clerk)).status_code == 200, step
    deleted = await api.http.delete(f"/api/v1{path}", headers=bearer(clerk))
    assert deleted.status_code == 200
    assert (await api.act(f"{path}/restore", clerk)).status_code == 200
    promoted = await api.patch(path, {"role": "staff"}, clerk)
    assert data(promoted)["role"] == "staff"


@pytest.mark.parametrize("path", ["/users", "/auth/audit", "/auth/password/resets", "/auth/pre-register", "/api-keys"])
async def test_staff_read_what_administrators_read(api: AuthApi, path: str) -> None:
    clerk, customer = await clerk_of(api, await api.admin()), await api.signed_in()
    assert (await api.get(path, clerk)).status_code == 200
    assert (await api.get(path, customer)).status_code == (200 if path == "/api-keys" else 403)


async def test_staff_neither_touch_an_administrator_nor_make_one(api: AuthApi) -> None:
    admin = await api.admin()
    clerk, path = await clerk_of(api, admin), f"/users/{admin['user']['id']}"
    attempts = [
        await api.patch(path, {"first_name": "X"}, clerk),
        await api.patch(path, {"role": "customer"}, clerk),
        *[await api.act(f"{path}/{step}", clerk) for step in ("deactivate", "activate", "logout", "restore")],
        await api.http.delete(f"/api/v1{path}", headers=bearer(clerk)),
        await api.patch(f"/users/{clerk['user']['id']}", {"role": "admin"}, clerk),
        await api.act("/users", clerk, {"email": "boss@shop.test", "password": PASSWORD, "role": "admin"}),
    ]
    assert [problem(attempt, 403)[1] for attempt in attempts] == ["role_above_own"] * len(attempts)
    assert data(await api.get("/auth/me", admin))["is_active"] is True
    assert data(await api.get("/auth/me", clerk))["role"] == "staff"


async def test_staff_get_no_key_of_an_administrator(api: AuthApi) -> None:
    admin = await api.admin()
    clerk, new = await clerk_of(api, admin), {"name": "till", "scopes": ["read"]}
    theirs = data(await api.act("/api-keys", admin, new), 201)
    path = f"/api-keys/{theirs['id']}"
    attempts = [
        await api.act("/api-keys", clerk, new | {"user_id": admin["user"]["id"]}),
        await api.act(f"{path}/rotate", clerk),
        await api.http.delete(f"/api/v1{path}", headers=bearer(clerk)),
    ]
    assert [problem(attempt, 403)[1] for attempt in attempts] == ["role_above_own"] * len(attempts)
    customer = await api.signed_in()
    for_customer = await api.act("/api-keys", clerk, new | {"user_id": customer["user"]["id"]})
    assert data(for_customer, 201)["name"] == "till"


async def test_only_administrators_sign_everybody_out_and_rotate_the_signing_keys(api: AuthApi) -> None:
    clerk = await clerk_of(api, await api.admin())
    for path in ("/users/logout-all", "/auth/signing-keys/rotate"):
        assert (await api.act(path, clerk)).status_code == 403, path
