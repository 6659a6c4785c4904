import asyncio
from collections.abc import Awaitable, Callable

import pytest
from services.auth.tests.conftest import StartApi
from services.auth.tests.harness import PASSWORD, AuthApi, data, problem

from auth.registration.store import lock_first_admin
from auth.signing_keys.store import lock as lock_signing_keys
from common.contracts.auth import UserRegistered
from common.persistence.transaction import Transaction

INVALID_REGISTRATIONS: list[tuple[dict[str, object], tuple[str, str]]] = [
    ({"password": "seven77"}, ("password", "password_too_short")),
    ({"password": "x1" * 65}, ("password", "password_too_long")),
    ({"password": "Password123"}, ("password", "password_too_common")),
    ({"password": "iloveyou!!"}, ("password", "password_too_common")),
    ({"password": "87654321"}, ("password", "password_too_common")),
    ({"password": "aaaaaaaaaaaa"}, ("password", "password_too_common")),
    ({"password": "juma.hassan1"}, ("password", "password_too_similar")),
    ({"password": "Juma.Hassan@shop.test"}, ("password", "password_too_similar")),
    ({"password": "mwakyembe7", "last_name": "Mwakyembe"}, ("password", "password_too_similar")),
    ({"password_confirm": "something else"}, ("password_confirm", "passwords_differ")),
    ({"email": "no address"}, ("email", "invalid_email")),
    ({"email": "a@b"}, ("email", "invalid_email")),
    ({"email": "x" * 250 + "@shop.test"}, ("email", "too_long")),
    ({"username": "has space"}, ("username", "invalid_username")),
    ({"username": "juma@shop.test"}, ("username", "invalid_username")),
    ({"phone": "0712345678"}, ("phone", "invalid_phone")),
    ({"time_zone": "../../etc/passwd"}, ("time_zone", "unknown_time_zone")),
    ({"first_name": "Ju\0ma"}, ("first_name", "unstorable_value")),
    ({"first_name": "Ju\x1fma"}, ("first_name", "invalid_name")),
    ({"first_name": "Ju\nma"}, ("first_name", "invalid_name")),
    ({"first_name": "J" * 101}, ("first_name", "too_long")),
    ({"first_name": {"$ne": ""}}, ("first_name", "wrong_type")),
    ({"password": ["a"]}, ("password", "wrong_type")),
]


async def test_ten_concurrent_registrations_of_one_address_create_one_account(api: AuthApi) -> None:
    body = {"email": "one@shop.test", "password": PASSWORD}
    answers = await asyncio.gather(*(api.post("/auth/register", body) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    taken = next(answer for answer in answers if answer.status_code == 409)
    assert problem(taken, 409) == ("email", "email_taken")


async def test_ten_concurrent_registrations_of_one_username_create_one_account(api: AuthApi) -> None:
    bodies = [
        {"email": f"n{i}@shop.test", "password": PASSWORD, "username": name}
        for i, name in enumerate(["same", "Same"] * 5)
    ]
    answers = await asyncio.gather(*(api.post("/auth/register", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9


@pytest.mark.parametrize(
    ("lock", "username"), [(lock_first_admin, "auth.first-admin"), (lock_signing_keys, "auth.signing-keys")]
)
async def test_a_username_does_not_share_the_lock_of_the_same_name(
    api: AuthApi, lock: Callable[[Transaction], Awaitable[None]], username: str
) -> None:
    async with api.database.begin() as tx:
        await lock(tx)
        async with asyncio.timeout(3):
            await api.registered(username=username)


async def test_without_revealing_existence_a_taken_address_gets_the_response_of_a_free_one(
    start_api: StartApi,
) -> None:
    api = await start_api(reveals_account_existence=False)
    user = await api.registered(email="known@shop.test", username="known")
    again = await api.registered(email="known@shop.test", password="another good secret", first_name="Thief")
    assert again.keys() == user.keys()
    assert again["id"] != user["id"]
    assert (await api.login("known@shop.test", "another good secret")).status_code == 401
    assert len(await api.rows("SELECT FROM account WHERE email = 'known@shop.test'")) == 1
    assert await api.published(UserRegistered, again["id"]) == []
    for email in ("known@shop.test", "free@shop.test"):
        body = {"email": email, "password": PASSWORD, "username": "KNOWN"}
        assert problem(await api.post("/auth/register", body), 409) == ("username", "username_taken")


@pytest.mark.parametrize("field", ["role", "roles", "is_admin", "is_staff", "email_confirmed", "id"])
async def test_nobody_registers_with_a_role(api: AuthApi, field: str) -> None:
    body = {"email": "juma.hassan@shop.test", "password": PASSWORD, field: "admin"}
    assert problem(await api.post("/auth/register", body), 422) == (field, "unknown_field")


async def test_an_invalid_registration_names_the_field(api: AuthApi) -> None:
    for fields, expected in INVALID_REGISTRATIONS:
        body = {"email": "juma.hassan@shop.test", "password": PASSWORD} | fields
        assert problem(await api.post("/auth/register", body), 422) == expected, fields


async def test_check_email_tells_whether_an_address_is_free(api: AuthApi) -> None:
    user = await api.registered()
    assert data(await api.post("/auth/check-email", {"email": user["email"]})) == {"available": False}
    assert data(await api.post("/auth/check-email", {"email": "free@shop.test"})) == {"available": True}
