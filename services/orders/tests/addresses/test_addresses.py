"""Addresses: a customer's own, one of them the default."""

import asyncio

import pytest
from services.orders.tests.harness import Harness, Json, User, data, problem

HOME = {"name": "Asha Juma", "line1": "Uhuru 1", "city": "Dodoma", "country": "TZ", "phone": "+255712345678"}


async def add(customer: User, **fields: object) -> Json:
    address: Json = data(await customer.call("POST", "/addresses", HOME | fields), 201)
    return address


async def defaults(customer: User) -> list[bool]:
    return [address["is_default"] for address in await customer.get("/addresses")]


async def test_the_first_address_is_the_default_until_another_replaces_it(harness: Harness) -> None:
    customer = harness.customer()
    first = await add(customer)
    second = await add(customer)
    assert (first["is_default"], second["is_default"]) == (True, False)
    third = await add(customer, is_default=True)
    assert [address["id"] for address in await customer.get("/addresses")] == [third["id"], second["id"], first["id"]]
    await customer.call("PATCH", f"/addresses/{first['id']}", {"is_default": True})
    assert await defaults(customer) == [True, False, False]


async def test_the_default_cannot_be_unset_only_replaced(harness: Harness) -> None:
    customer = harness.customer()
    first, _ = await add(customer), await add(customer)
    unset = await customer.call("PATCH", f"/addresses/{first['id']}", {"is_default": False})
    assert data(unset)["is_default"] is True


async def test_the_newest_address_replaces_a_deleted_default(harness: Harness) -> None:
    customer = harness.customer()
    first, _, newest = await add(customer), await add(customer), await add(customer)
    assert (await customer.call("DELETE", f"/addresses/{first['id']}")).status_code == 204
    addresses = await customer.get("/addresses")
    assert (addresses[0]["id"], await defaults(customer)) == (newest["id"], [True, False])


async def test_concurrent_requests_leave_one_default(harness: Harness) -> None:
    customer = harness.customer()
    await asyncio.gather(*(add(customer, is_default=True) for _ in range(8)))
    assert (await defaults(customer)).count(True) == 1


async def test_an_address_is_changed_in_part_or_replaced(harness: Harness) -> None:
    customer = harness.customer()
    path = f"/addresses/{(await add(customer, line2='Flat 3'))['id']}"
    patched = data(await customer.call("PATCH", path, {"city": " Arusha "}))
    assert (patched["city"], patched["line1"], patched["line2"]) == ("Arusha", "Uhuru 1", "Flat 3")
    assert data(await customer.call("PUT", path, HOME))["line2"] == ""
    assert await customer.get(path) == patched | {"city": "Dodoma", "line2": ""}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_another_customers_address_is_not_found(harness: Harness, method: str) -> None:
    address = await add(harness.customer())
    body = {"city": "Mbeya"} if method == "PATCH" else None
    response = await harness.customer().call(method, f"/addresses/{address['id']}", body)
    assert problem(response)[:2] == (404, "orders.unknown_address")


@pytest.mark.parametrize("field", ["name", "line1", "city", "country"])
async def test_required_fields_cannot_be_missing_or_empty(harness: Harness, field: str) -> None:
    customer = harness.customer()
    path = f"/addresses/{(await add(customer))['id']}"
    without = {name: value for name, value in HOME.items() if name != field}
    assert problem(await customer.call("POST", "/addresses", without))[::2] == (422, field)
    for nothing in ("  ", None):
        assert problem(await customer.call("PATCH", path, {field: nothing}))[::2] == (422, field)
    assert problem(await customer.call("PATCH", path, {"phone": "0712"}))[::2] == (422, "phone")


@pytest.mark.parametrize("country", ["QQ", "Tanzania", "", "TZA", "UK"])
async def test_a_country_is_a_code_of_iso_3166(harness: Harness, country: str) -> None:
    answer = await harness.customer().call("POST", "/addresses", HOME | {"country": country})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "country")


async def test_a_code_in_small_letters_is_stored_in_capitals(harness: Harness) -> None:
    assert (await add(harness.customer(), country="ke"))["country"] == "KE"


async def test_an_address_from_before_countries_were_checked_can_still_be_read_and_changed(harness: Harness) -> None:
    customer = harness.customer()
    old = await add(customer)
    async with harness.database.begin() as tx:
        await tx.sql.execute("UPDATE address SET country = 'Tanzania' WHERE id = $1", old["id"])
    [listed] = await customer.get("/addresses")
    assert listed["country"] == "Tanzania"
    changed = data(await customer.call("PATCH", f"/addresses/{old['id']}", {"city": "Moshi"}))
    assert (changed["city"], changed["country"]) == ("Moshi", "Tanzania")


async def test_addresses_have_pages_an_order_and_a_search(harness: Harness) -> None:
    customer = harness.customer()
    for name, city in (("Zawadi", "Kigoma"), ("Ámina", "Moshi"), ("Baraka", "Arusha")):
        await add(customer, name=name, city=city)
    assert [each["name"] for each in await customer.get("/addresses?ordering=-city")] == ["Ámina", "Zawadi", "Baraka"]
    assert [each["name"] for each in await customer.get("/addresses?search=amina")] == ["Ámina"]
    answer = (await customer.call("GET", "/addresses?page=2&page_size=2")).json()
    assert (len(answer["data"]), answer["meta"]["total"], answer["meta"]["next"]) == (1, 3, None)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", "Asha\u202eamuJ", "invalid_name"),
        ("city", "Do\x1fdoma", "invalid_name"),
        ("line1", "\u200d", "invalid_name"),
        ("phone", "0712", "invalid_phone"),
        ("phone", "+255000000000", "invalid_phone"),
    ],
)
async def test_names_and_phones_follow_the_rules_of_accounts(
    harness: Harness, field: str, value: str, code: str
) -> None:
    answer = await harness.customer().call("POST", "/addresses", HOME | {field: value})
    assert answer.status_code == 422
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]


async def test_a_phone_has_one_form_and_a_name_any_script(harness: Harness) -> None:
    customer = harness.customer()
    written = HOME | {"name": "علی\u200cرضا O\u2019Brien", "phone": "+255 (0)712-345-678"}
    stored = data(await customer.call("POST", "/addresses", written), 201)
    assert (stored["name"], stored["phone"]) == (written["name"], HOME["phone"])
    assert data(await customer.call("PATCH", f"/addresses/{stored['id']}", {"phone": ""}))["phone"] == ""


async def test_an_address_of_an_older_version_is_still_shown(harness: Harness) -> None:
    customer = harness.customer()
    path = f"/addresses/{(await add(customer))['id']}"
    async with harness.database.begin() as tx:
        await tx.sql.execute("UPDATE address SET phone = '+2550000000', name = E'Asha\\u202eamuJ'")
    assert data(await customer.call("GET", path))["phone"] == "+2550000000"
