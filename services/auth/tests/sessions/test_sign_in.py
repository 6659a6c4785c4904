"""Sign-in by password."""

from services.auth.tests.harness import PASSWORD, AuthApi, claims, data

from common.contracts.auth import UserRegistered


async def test_a_customer_registers_and_signs_in(api: AuthApi) -> None:
    user = await api.registered(
        email="Asha.Mushi@Shop.test", username="Asha", first_name="Asha", phone="+255 712 345-678"
    )
    assert (user["email"], user["username"], user["phone"]) == ("asha.mushi@shop.test", "Asha", "+255712345678")
    assert (user["role"], user["roles"], user["is_active"]) == ("customer", ["customer"], True)
    assert "password" not in str(user)
    for name in ("asha.mushi@shop.TEST", "ASHA", " asha "):
        tokens = await api.signed_in(name)
        assert data(await api.get("/auth/me", tokens))["id"] == user["id"]
    [event] = await api.published(UserRegistered, user["id"])
    assert (event.email, event.first_name, event.phone, event.roles) == (
        "asha.mushi@shop.test",
        "Asha",
        "+255712345678",
        ("customer",),
    )


async def test_the_claims_of_an_access_token(api: AuthApi) -> None:
    tokens = await api.signed_in()
    content = claims(tokens)
    assert set(content) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp", "roles", "scope", "csrf"}
    assert (content["iss"], content["aud"], content["sub"]) == ("https://dukan.local", "dukan", tokens["user"]["id"])
    assert 15 * 60 * 0.95 - 1 <= content["exp"] - content["iat"] <= 15 * 60
    assert tokens["expires_in"] == content["exp"] - content["iat"]
    assert (tokens["token_type"], content["roles"]) == ("Bearer", ["customer"])
    verified = data(await api.post("/auth/verify", {"token": tokens["access_token"]}))
    assert (verified["user_id"], verified["session_id"]) == (content["sub"], content["sid"])


async def test_a_wrong_password_and_an_unknown_account_get_the_same_response(api: AuthApi) -> None:
    user = await api.registered()
    wrong = await api.login(user["email"], "not the password")
    unknown = await api.login("nobody@shop.test", "not the password")
    assert wrong.status_code == unknown.status_code == 401
    first, second = wrong.json(), unknown.json()
    assert first | {"request_id": None} == second | {"request_id": None}
    assert set(wrong.headers) == set(unknown.headers)
    assert await api.audited(user["id"], "sign_in") == ["wrong_password"]
    assert await api.audited(None, "sign_in") == ["unknown_account"]


async def test_no_secret_is_stored_in_clear(api: AuthApi) -> None:
    tokens = await api.signed_in()
    await api.login("someone@shop.test", "typed-by-mistake")
    data(await api.refresh(tokens["refresh_token"]))
    tables = ("account", "session", "refresh_token", "signing_key", "throttle", "audit", "outbox")
    stored = [row["row"] for name in tables for row in await api.rows(f"SELECT {name}::text AS row FROM {name}")]
    secrets = (PASSWORD, "typed-by-mistake", tokens["refresh_token"], tokens["access_token"])
    assert not [row for row in stored for secret in secrets if secret in row or secret.encode().hex() in row]


async def test_all_characters_of_a_password_count(api: AuthApi) -> None:
    for password in ("ngamia na jua kali", "пароль-верблюд", "🐪🐪🐪 jangwa", "kiboko1!" * 16, "line\nbreak\ttab"):
        user = await api.registered(password=password)
        assert (await api.login(user["email"], password)).status_code == 200, password
        assert (await api.login(user["email"], password[:-1])).status_code == 401, password


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


async def test_hostile_bodies_are_rejected(api: AuthApi) -> None:
    for path in HOSTILE_PATHS:
        for raw in HOSTILE_BODIES:
            headers = {"Content-Type": "application/json"}
            answer = await api.http.post(f"/api/v1{path}", content=raw, headers=headers)
            # Requests for an e-mail get the same response, and the first body contains an address.
            assert answer.status_code in (202, 400, 401, 422), (path, raw[:80], answer.text)
