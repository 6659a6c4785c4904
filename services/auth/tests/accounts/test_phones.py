"""One account per phone, and the number for WhatsApp beside it."""

import asyncio

import pytest
from services.auth.tests.conftest import StartApi
from services.auth.tests.harness import PASSWORD, AuthApi, data, problem

from common.contracts.auth import UserUpdated
from common.ids import new_id

TAKEN = ("phone", "phone_taken")
SPELLINGS = ("+255712345678", "+255 (0)712-345-678", "+2550712345678", "+٢٥٥٧١٢٣٤٥٦٧٨")


def person(**fields: str) -> dict[str, str]:
    return {"email": f"{new_id().hex}@shop.test", "password": PASSWORD} | fields


async def test_a_phone_belongs_to_one_account_in_every_spelling(api: AuthApi) -> None:
    admin, user = await api.admin(), await api.registered(phone=SPELLINGS[1])
    other = await api.signed_in()
    assert user["phone"] == SPELLINGS[0]
    path = f"/users/{other['user']['id']}"
    for phone in SPELLINGS:
        assert problem(await api.post("/auth/register", person(phone=phone)), 409) == TAKEN
        assert problem(await api.patch("/auth/me", {"phone": phone}, other), 409) == TAKEN
        assert problem(await api.act("/users", admin, person(phone=phone)), 409) == TAKEN
        assert problem(await api.patch(path, {"phone": phone}, admin), 409) == TAKEN


async def test_an_owner_keeps_and_frees_the_phone(api: AuthApi) -> None:
    owner = await api.signed_in((await api.registered(phone=SPELLINGS[0]))["email"])
    data(await api.patch("/auth/me", {"phone": SPELLINGS[1], "first_name": "Neema"}, owner))
    data(await api.patch("/auth/me", {"phone": None}, owner))
    assert (await api.registered(phone=SPELLINGS[2]))["phone"] == SPELLINGS[0]
    assert problem(await api.patch("/auth/me", {"phone": SPELLINGS[0]}, owner), 409) == TAKEN


async def test_of_ten_concurrent_registrations_of_a_phone_one_succeeds(api: AuthApi) -> None:
    answers = await asyncio.gather(*(api.post("/auth/register", person(phone=SPELLINGS[0])) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    with pytest.raises(Exception, match="account_phone_unique"):
        await api.rows("UPDATE account SET unique_phone = '+255712345678'")


async def test_a_shop_may_allow_several_accounts_per_phone(start_api: StartApi) -> None:
    api = await start_api(unique_phones=False)
    users = [await api.registered(phone=SPELLINGS[0]) for _ in range(2)]
    strict = await start_api(api.database)
    tokens = [await strict.signed_in(user["email"]) for user in users]
    for each in tokens:
        data(await strict.patch("/auth/me", {"phone": SPELLINGS[0], "city": "Moshi"}, each))
    assert problem(await strict.post("/auth/register", person(phone=SPELLINGS[0])), 409) == TAKEN


async def test_a_number_without_a_country_code_is_of_the_shops_country(start_api: StartApi) -> None:
    api = await start_api(phone_region="KE")
    assert (await api.registered(phone="0712 345 678"))["phone"] == "+254712345678"
    assert (await api.registered(phone="+255 (0)712 345 678"))["phone"] == "+255712345678"
    api = await start_api()
    assert problem(await api.post("/auth/register", person(phone="0712 345 678")), 422) == ("phone", "invalid_phone")


async def test_a_number_for_whatsapp_is_kept_beside_the_phone(api: AuthApi) -> None:
    user = await api.registered(phone="+255712345678", whatsapp_number="+255 (0)754 000 111")
    tokens = await api.signed_in(user["email"])
    assert (user["phone"], user["whatsapp_number"]) == ("+255712345678", "+255754000111")
    assert data(await api.get("/auth/me", tokens))["whatsapp_number"] == "+255754000111"
    data(await api.patch("/auth/me", {"whatsapp_number": "+255754000222"}, tokens))
    [event] = await api.published(UserUpdated, user["id"])
    assert event.whatsapp_number == "+255754000222"
    assert data(await api.patch("/auth/me", {"whatsapp_number": None}, tokens))["whatsapp_number"] is None
    wrong = await api.patch("/auth/me", {"whatsapp_number": "0754"}, tokens)
    assert problem(wrong, 422) == ("whatsapp_number", "invalid_phone")
