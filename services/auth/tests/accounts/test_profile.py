"""GET and PATCH /auth/me."""

import asyncio
from uuid import UUID

from services.auth.tests.harness import AuthApi, data, problem

from auth.views import UserView
from common.contracts.auth import UserUpdated


async def test_a_profile_change_takes_profile_fields_only(api: AuthApi) -> None:
    tokens = await api.signed_in()
    for field in ("role", "email", "is_active", "password_hash", "id"):
        answer = await api.patch("/auth/me", {"first_name": "Asha", field: "x"}, tokens)
        assert problem(answer, 422) == (field, "unknown_field")
    assert data(await api.get("/auth/me", tokens)) == tokens["user"]


async def test_a_profile_change_is_saved_and_published(api: AuthApi) -> None:
    tokens = await api.signed_in()
    changes = {"first_name": " Neema ", "phone": "+255 754 000 111", "birth_date": "1990-02-28", "language": "sw"}
    more = {"time_zone": "Africa/Dar_es_Salaam", "city": "Mwanza", "address": "Makongoro Rd 1", "pincode": "33101"}
    user = data(await api.patch("/auth/me", changes | more, tokens))
    expected = changes | more | {"first_name": "Neema", "phone": "+255754000111"}
    assert {name: user[name] for name in expected} == expected
    assert data(await api.get("/auth/me", tokens)) == user
    data(await api.patch("/auth/me", {"first_name": "Neema"}, tokens))
    [event] = await api.published(UserUpdated, user["id"])
    assert (event.first_name, event.phone, event.language) == ("Neema", "+255754000111", "sw")
    cleared = data(await api.patch("/auth/me", {"phone": None}, tokens))
    assert (cleared["phone"], cleared["birth_date"]) == (None, "1990-02-28")


async def test_an_invalid_profile_field_is_named_in_the_error(api: AuthApi) -> None:
    tokens = await api.signed_in()
    wrong = {
        "phone": "12345",
        "birth_date": "2999-01-01",
        "language": "klingon!",
        "time_zone": "Mars/Olympus",
        "first_name": "\u202egnp.exe",
        "pincode": "<script>",
        "city": None,
    }
    for field, value in wrong.items():
        assert problem(await api.patch("/auth/me", {field: value}, tokens), 422)[0] == field


async def test_the_profile_rendered_by_the_database_has_the_fields_of_the_view(api: AuthApi) -> None:
    tokens = await api.signed_in()
    for fields in ({}, {"first_name": 'Née "Ma"\\', "birth_date": "1990-02-28", "phone": "+255754000111"}):
        changed = data(await api.patch("/auth/me", fields, tokens))
        answer = await api.get("/auth/me", tokens)
        assert data(answer) == changed
        assert set(changed) == set(UserView.model_fields)
        body = answer.json()
        assert (body["status"], body["message"], body["errors"], "meta" in body) == ("success", "OK", None, False)
    assert problem(await api.get("/auth/me"), 401)[1] == "unauthenticated"
    await api.rows("DELETE FROM account WHERE id = $1", UUID(tokens["user"]["id"]))
    assert problem(await api.get("/auth/me", tokens), 401)[1] == "account_gone"


async def test_concurrent_profile_requests_each_get_their_own_profile(api: AuthApi) -> None:
    people = [await api.signed_in() for _ in range(4)]
    answers = await asyncio.gather(*(api.get("/auth/me", tokens) for tokens in people * 3))
    assert [data(answer)["id"] for answer in answers] == [tokens["user"]["id"] for tokens in people * 3]
