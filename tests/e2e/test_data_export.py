"""A data export holds everything that the platform stores about a user; after erasure no database holds any of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from auth.users.usecases import erase_accounts
from common.bus.relay import Relay
from common.persistence.database import Database
from common.testing import RecordingTransport, eventually
from dukan.services import SERVICES

from .platform import API, Customer, Platform

PASSWORD = "a-long-way-to-mwanza"
MONTH = timedelta(days=30)
WITH_DATABASES = [service for service in SERVICES if service != "gateway"]

TABLES = """
SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
"""
# A row as text shows all of its columns, documents and arrays included, and bytes as hexadecimal digits.
HOLDING = """
SELECT count(*) FROM {} AS row
WHERE position(lower($1) IN lower(row::text)) > 0 OR position(encode(convert_to($1, 'UTF8'), 'hex') IN row::text) > 0
"""

# Tables that may hold something after an erasure, and why.
LEFT = {
    ("operations", "request"): "requests from before signing in name nobody; they go with the request log's retention",
}


@dataclass(frozen=True)
class Person:
    """A user whose every word is unique."""

    customer: Customer
    mark: str
    phone: str

    @property
    def email(self) -> str:
        return f"{self.mark}@shop.test"

    def words(self) -> list[str]:
        """What must be in an export, and in no database after the erasure."""
        said = ("Name", "Street", "Note", "Text", "Browser")
        return [self.email, self.phone, *(f"{word}-{self.mark}" for word in said)]


async def newcomer(platform: Platform) -> Person:
    """Registered, signed in from a browser, and with a profile."""
    mark, phone = uuid4().hex[:12], f"+25575{uuid4().int % 10**7:07d}"
    body = {"email": f"{mark}@shop.test", "password": PASSWORD, "last_name": f"Name-{mark}", "phone": phone}
    made = await platform.http.post(f"{API}/auth/register", json=body)
    assert made.status_code == 201, made.text
    login = {"email": body["email"], "password": PASSWORD}
    agent = {"User-Agent": f"Browser-{mark}"}
    data = (await platform.http.post(f"{API}/auth/login", json=login, headers=agent)).json()["data"]
    return Person(Customer(platform.http, data["access_token"], body["email"], data["user"]["id"]), mark, phone)


async def person_with_everything(platform: Platform) -> tuple[Person, Any]:
    """A user with an address, an order, a message and notifications; and the order."""
    person = await newcomer(platform)
    customer, street = person.customer, f"Street-{person.mark}"
    home = {"name": f"Name-{person.mark}", "line1": street, "city": "Mwanza", "country": "TZ", "phone": person.phone}
    assert (await customer.post("/addresses", home)).status_code == 201
    items = [{"product_id": await platform.product(stock=5), "quantity": 1}]
    body = {"items": items, "note": f"Note-{person.mark}", "payment": {"provider": "sandbox"}}
    answer = await customer.post("/orders", body, Prefer="wait=10", **{"Idempotency-Key": person.mark})
    order = answer.json()["data"]
    assert order["status"] == "confirmed", answer.text
    message = {"recipient": person.phone, "text": f"Text-{person.mark}", "channel": "sms", "client_ref": person.mark}
    assert (await customer.post("/messages/send-text", message)).status_code == 202

    async def notified() -> bool:
        return any(order["number"] in notice["title"] for notice in await customer.data("/notifications"))

    async def texted() -> bool:
        return len(await customer.data("/messages")) == 2

    await eventually(notified)
    await eventually(texted)
    return person, order


async def document_of(person: Person) -> tuple[str, Any]:
    """The export as text and as data."""
    headers = {"Authorization": f"Bearer {person.customer.token}", "Prefer": "wait=10"}
    answer = await person.customer.http.get(f"{API}/auth/me/export", headers=headers)
    assert answer.status_code == 200, answer.text
    assert "attachment" in answer.headers["content-disposition"]
    return answer.text, answer.json()["data"]


async def test_an_export_holds_all_data_of_the_user_and_none_of_others(platform: Platform) -> None:
    person, order = await person_with_everything(platform)
    other, _ = await person_with_everything(platform)
    text, document = await document_of(person)
    services = document["services"]
    assert set(services) == set(WITH_DATABASES)
    [bought] = services["orders"]["orders"]
    assert (bought["id"], bought["number"]) == (order["id"], order["number"])
    assert [payment["order_id"] for payment in services["billing"]["payments"]] == [order["id"]]
    assert [word for word in person.words() if word not in text] == []
    assert [word for word in (*other.words(), other.customer.id, other.mark) if word in text] == []
    assert all(kept["cut"] == [] for kept in services.values())


async def test_export_parts_are_encrypted_on_the_bus(platform: Platform) -> None:
    person, _ = await person_with_everything(platform)
    await document_of(person)
    for service in WITH_DATABASES:
        sent = "SELECT payload FROM outbox WHERE type LIKE '%personal_data.gathered%' AND position($1 IN payload) > 0"
        payloads = [row["payload"] for row in await platform.sql(service, sent, person.customer.id.encode())]
        assert len(payloads) == (service != "auth"), service
        assert [word for word in person.words() if word.encode() in b"".join(payloads)] == []
    journal = "SELECT data->>'sealed' AS sealed FROM event WHERE type LIKE '%gathered%' AND data->>'user_id' = $1"

    async def journalled() -> list[str]:
        return [row["sealed"] for row in await platform.sql("operations", journal, person.customer.id)]

    async def whole() -> bool:
        return len(await journalled()) == len(WITH_DATABASES) - 1

    await eventually(whole)
    assert set(await journalled()) == {""}


@asynccontextmanager
async def database(platform: Platform, service: str) -> AsyncIterator[Database]:
    opened = Database(platform.database_url(service), pool_size=1)
    try:
        yield opened
    finally:
        await opened.close()


async def erase(platform: Platform, person: Person) -> None:
    """The user deletes the account, a month passes, and auth's job erases it."""
    customer = person.customer
    headers = {"Authorization": f"Bearer {customer.token}"}
    body = {"password": PASSWORD}
    deleted = await customer.http.request("DELETE", f"{API}/auth/me", json=body, headers=headers)
    assert deleted.status_code == 200, deleted.text
    await platform.sql(
        "auth", "UPDATE account SET deleted_at = deleted_at - $2::interval WHERE id = $1", customer.id, 2 * MONTH
    )
    async with database(platform, "auth") as books, books.begin() as tx:
        assert await erase_accounts(tx, MONTH) >= 1


async def forget_what_was_published(platform: Platform) -> None:
    """Purge the outbox as every relay does: of events published more than an hour ago."""
    for service in WITH_DATABASES:
        await platform.sql(service, "UPDATE outbox SET published_at = published_at - interval '2 hours'")
        async with database(platform, service) as books:
            await Relay(service, books, RecordingTransport()).purge()


async def places_of(platform: Platform, words: list[str]) -> set[tuple[str, str, str]]:
    """Service, table and word for each word that occurs in any column of any row."""
    found = set()
    for service in WITH_DATABASES:
        for table in [row["table_name"] for row in await platform.sql(service, TABLES)]:
            for word in words:
                [row] = await platform.sql(service, HOLDING.format(f'"{table}"'), word)
                if row["count"]:
                    found.add((service, table, word))
    return found


@pytest.mark.timeout(240)
async def test_after_the_erasure_no_table_holds_the_users_data(platform: Platform) -> None:
    person, order = await person_with_everything(platform)
    await document_of(person)
    words = [*person.words(), person.mark]
    before = await places_of(platform, words)
    assert {service for service, _, _ in before} >= {"auth", "orders", "messaging", "notifications", "operations"}
    assert {word for _, _, word in before} == set(words)
    await erase(platform, person)

    async def left() -> set[tuple[str, str, str]]:
        await forget_what_was_published(platform)
        return {place for place in await places_of(platform, words) if place[:2] not in LEFT}

    async def forgotten() -> bool:
        return not await left()

    with suppress(AssertionError):
        await eventually(forgotten, within=60)
    assert await left() == set()
    kept = "SELECT number, total, status, address FROM orders WHERE id = $1"
    [row] = await platform.sql("orders", kept, order["id"])
    assert (row["number"], row["status"], row["address"]) == (order["number"], "confirmed", None)
    anonymous = "SELECT count(*) FROM request WHERE user_agent LIKE $1 AND user_id IS NOT NULL"
    [row] = await platform.sql("operations", anonymous, f"%{person.mark}%")
    assert row["count"] == 0
