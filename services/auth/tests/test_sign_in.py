"""Coming in: registration and sign-in."""

import asyncio

from services.auth.tests.conftest import OpenDoor
from services.auth.tests.harness import PASSWORD, Door, claims, data, problem

from common.contracts.auth import UserRegistered


async def test_a_customer_registers_signs_in_and_is_recognised(door: Door) -> None:
    user = await door.registered(
        email="Asha.Mushi@Shop.test", username="Asha", first_name="Asha", phone="+255 712 345-678"
    )
    assert (user["email"], user["username"], user["phone"]) == ("asha.mushi@shop.test", "Asha", "+255712345678")
    assert (user["role"], user["roles"], user["is_active"]) == ("customer", ["customer"], True)
    assert "password" not in str(user)
    for name in ("asha.mushi@shop.TEST", "ASHA", " asha "):
        tokens = await door.signed_in(name)
        assert data(await door.get("/auth/me", tokens))["id"] == user["id"]
    [told] = await door.told(UserRegistered, user["id"])
    assert (told.email, told.first_name, told.phone, told.roles) == (
        "asha.mushi@shop.test",
        "Asha",
        "+255712345678",
        ("customer",),
    )


async def test_an_access_token_says_who_and_for_how_long(door: Door) -> None:
    tokens = await door.signed_in()
    content = claims(tokens)
    assert set(content) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp", "roles", "scope", "csrf"}
    assert (content["iss"], content["aud"], content["sub"]) == ("https://dukan.local", "dukan", tokens["user"]["id"])
    assert 15 * 60 * 0.95 - 1 <= content["exp"] - content["iat"] <= 15 * 60
    assert tokens["expires_in"] == content["exp"] - content["iat"]
    assert (tokens["token_type"], content["roles"]) == ("Bearer", ["customer"])
    verified = data(await door.post("/auth/verify", {"token": tokens["access_token"]}))
    assert (verified["user_id"], verified["session_id"]) == (content["sub"], content["sid"])


async def test_ten_registrations_of_one_address_at_once_make_one_account(door: Door) -> None:
    body = {"email": "one@shop.test", "password": PASSWORD}
    answers = await asyncio.gather(*(door.post("/auth/register", body) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    taken = next(answer for answer in answers if answer.status_code == 409)
    assert problem(taken, 409) == ("email", "email_taken")


async def test_ten_registrations_of_one_username_at_once_make_one_account(door: Door) -> None:
    bodies = [
        {"email": f"n{i}@shop.test", "password": PASSWORD, "username": name}
        for i, name in enumerate(["same", "Same"] * 5)
    ]
    answers = await asyncio.gather(*(door.post("/auth/register", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9


async def test_where_existence_is_secret_a_taken_address_is_answered_like_a_free_one(open_door: OpenDoor) -> None:
    door = await open_door(reveals_account_existence=False)
    user = await door.registered(email="known@shop.test", username="known")
    again = await door.registered(email="known@shop.test", password="another good secret", first_name="Thief")
    assert again.keys() == user.keys()
    assert again["id"] != user["id"]
    assert (await door.login("known@shop.test", "another good secret")).status_code == 401
    assert len(await door.rows("SELECT FROM account WHERE email = 'known@shop.test'")) == 1
    assert await door.told(UserRegistered, again["id"]) == []
    for email in ("known@shop.test", "free@shop.test"):
        body = {"email": email, "password": PASSWORD, "username": "KNOWN"}
        assert problem(await door.post("/auth/register", body), 409) == ("username", "username_taken")


async def test_nobody_registers_as_more_than_a_customer(door: Door) -> None:
    user = await door.registered(role="admin", roles=["admin"], is_admin=True, is_staff=True, email_confirmed=True)
    assert (user["role"], user["roles"], user["email_confirmed"]) == ("customer", ["customer"], False)


async def test_a_wrong_password_and_an_unknown_account_are_answered_alike(door: Door) -> None:
    user = await door.registered()
    wrong = await door.login(user["email"], "not the password")
    unknown = await door.login("nobody@shop.test", "not the password")
    assert wrong.status_code == unknown.status_code == 401
    first, second = wrong.json(), unknown.json()
    assert first | {"request_id": None} == second | {"request_id": None}
    assert set(wrong.headers) == set(unknown.headers)
    assert await door.audited(user["id"], "sign_in") == ["wrong_password"]
    assert await door.audited(None, "sign_in") == ["unknown_account"]


async def test_no_secret_is_stored_in_clear(door: Door) -> None:
    tokens = await door.signed_in()
    await door.login("someone@shop.test", "typed-by-mistake")
    data(await door.refresh(tokens["refresh_token"]))
    tables = ("account", "session", "refresh_token", "signing_key", "throttle", "audit", "outbox")
    stored = [row["row"] for name in tables for row in await door.rows(f"SELECT {name}::text AS row FROM {name}")]
    secrets = (PASSWORD, "typed-by-mistake", tokens["refresh_token"], tokens["access_token"])
    assert not [row for row in stored for secret in secrets if secret in row or secret.encode().hex() in row]


REFUSED_REGISTRATIONS: list[tuple[dict[str, object], tuple[str, str]]] = [
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
    ({"email": "no address"}, ("email", "value_error")),
    ({"email": "a@b"}, ("email", "value_error")),
    ({"email": "x" * 250 + "@shop.test"}, ("email", "string_too_long")),
    ({"username": "has space"}, ("username", "value_error")),
    ({"username": "juma@shop.test"}, ("username", "value_error")),
    ({"phone": "0712345678"}, ("phone", "value_error")),
    ({"time_zone": "../../etc/passwd"}, ("time_zone", "value_error")),
    ({"first_name": "Ju\0ma"}, ("first_name", "value_error")),
    ({"first_name": "J" * 101}, ("first_name", "string_too_long")),
    ({"first_name": {"$ne": ""}}, ("first_name", "string_type")),
    ({"password": ["a"]}, ("password", "string_type")),
]


async def test_what_is_wrong_with_a_registration_is_named(door: Door) -> None:
    for fields, expected in REFUSED_REGISTRATIONS:
        body = {"email": "juma.hassan@shop.test", "password": PASSWORD} | fields
        assert problem(await door.post("/auth/register", body), 422) == expected, fields


async def test_any_long_enough_password_is_accepted_and_no_character_of_it_is_lost(door: Door) -> None:
    for password in ("ngamia na jua kali", "пароль-верблюд", "🐪🐪🐪 jangwa", "kiboko1!" * 16, "line\nbreak\0nul"):
        user = await door.registered(password=password)
        assert (await door.login(user["email"], password)).status_code == 200, password
        assert (await door.login(user["email"], password[:-1])).status_code == 401, password


HOSTILE_PATHS = (
    "/auth/login",
    "/auth/register",
    "/auth/refresh",
    "/auth/verify",
    "/auth/otp/send",
    "/auth/otp/verify",
    "/auth/email/confirm",
    "/auth/password/reset",
    "/auth/pre-register",
)
HOSTILE_BODIES = [
    b'{"email": "a@shop.test", "password": "\\ud800\\ud800\\ud800\\ud800\\ud800\\ud800\\ud800\\ud800"}',
    b'{"email": "\\u0000@shop.test", "password": "x"}',
    b'{"email": "\' OR 1=1 --", "password": "\' OR 1=1 --"}',
    b'{"password": "nobody named"}',
    b'{"email": null, "username": "", "password": "nobody named"}',
    b'{"email": "a@shop.test", "password": {"$gt": ""}}',
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"email": "a@shop.test", "password": "' + b"x" * 100_000 + b'"}',
]


async def test_hostile_bodies_are_refused_and_break_nothing(door: Door) -> None:
    for path in HOSTILE_PATHS:
        for raw in HOSTILE_BODIES:
            headers = {"Content-Type": "application/json"}
            answer = await door.http.post(f"/api/v1{path}", content=raw, headers=headers)
            # Whoever asks for a letter is answered alike, and the first body holds an address.
            assert answer.status_code in (202, 400, 401, 422), (path, raw[:80], answer.text)
