"""The export of a person's data, and their erasure, which anonymises what is stored."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from services.operations.tests.conftest import deliver_dead_letters, failed_delivery

from common.contracts.auth import NewDeviceSeen, UserErased, UserRegistered
from common.contracts.event import Event
from common.contracts.gateway import LoggedRequest, RequestsLogged
from common.contracts.messaging import MessageQueued
from common.contracts.operations import OperationsDataGathered
from common.contracts.orders import OrderConfirmed, OrderLine
from common.ids import new_id
from common.money import Money
from common.testing import cloud_event_of, deliver, exported_data
from common.web.service import Service
from operations.personal_data.domain import anonymise, people_in

JOURNAL = "operations.journal"
REQUESTS = "operations.requests"
EMAIL, NAME, PHONE, ADDRESS = "neema@shop.test", "Neema", "+255754000111", "203.0.113.7"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def registered(user_id: UUID) -> UserRegistered:
    return UserRegistered(user_id=user_id, email=EMAIL, first_name=NAME, phone=PHONE)


def confirmed(user_id: UUID) -> OrderConfirmed:
    price = Money(amount=1000, currency="TZS")
    line = OrderLine(product_id=new_id(), title="Mug", quantity=2, unit_price=price)
    names = {"order_id": new_id(), "payment_id": new_id(), "customer_id": user_id}
    return OrderConfirmed(**names, number="DK-1", lines=(line,), total=price * 2)


def events_about(user_id: UUID) -> list[Event]:
    names = {"message_id": new_id(), "user_id": user_id}
    device = NewDeviceSeen(user_id=user_id, device_id=new_id(), name=NAME, address=ADDRESS, seen_at=NOON)
    return [
        registered(user_id),
        confirmed(user_id),
        MessageQueued(**names, channel="sms", recipient=PHONE, client_ref=NAME),
        device,
    ]


def requests_of(*user_ids: UUID) -> RequestsLogged:
    fields = {"request_id": "r-1", "at": NOON, "method": "GET", "path": "/", "status": 200, "duration_ms": 1.0}
    logged = [LoggedRequest(**fields, user_id=user_id, ip=ADDRESS, user_agent=NAME) for user_id in user_ids]
    return RequestsLogged(batch_id=new_id(), requests=tuple(logged))


async def person_with_everything(service: Service) -> UUID:
    """A person in the journal, in the request log, and in a dead letter."""
    user_id = new_id()
    await deliver(service, *events_about(user_id), consumer=JOURNAL)
    await deliver(service, requests_of(user_id), consumer=REQUESTS)
    await deliver_dead_letters(
        service, failed_delivery(error=f"ValidationError: {EMAIL}", cloud_event=cloud_event_of(registered(user_id)))
    )
    return user_id


async def stored_text(service: Service) -> str:
    """Everything that operations stores, as text."""
    tables = ("event", "request", "dead_letter")
    async with service.database.begin() as tx:
        rows = [row["text"] for table in tables for row in await tx.sql.fetch(f"SELECT t::text AS text FROM {table} t")]
        rows += [bytes(row["payload"]).decode() for row in await tx.sql.fetch("SELECT payload FROM dead_letter")]
    return "\n".join(rows)


def personal_in(text: str) -> list[str]:
    return [secret for secret in (EMAIL, NAME, PHONE, ADDRESS) if secret in text]


async def test_an_export_holds_requests_and_events_of_that_person_only(service: Service) -> None:
    user_id, other = await person_with_everything(service), await person_with_everything(service)
    document = await exported_data(service, user_id, OperationsDataGathered)
    assert [event["type"].split(".")[1] for event in document["events"]] == [
        "new_device",
        "message",
        "order",
        "user",
    ]
    assert document["events"][-1]["data"]["email"] == EMAIL
    assert [(request["ip"], request["user_agent"]) for request in document["requests"]] == [(ADDRESS, NAME)]
    assert str(other) not in json.dumps(document)


async def test_the_journal_of_an_erased_person_has_only_ids_amounts_and_states(service: Service) -> None:
    user_id = await person_with_everything(service)
    await deliver(service, UserErased(user_id=user_id), consumer="operations.people")
    assert personal_in(await stored_text(service)) == []
    document = await exported_data(service, user_id, OperationsDataGathered)
    device, message, order, person = [event["data"] for event in document["events"]]
    assert (person["user_id"], person["email"]) == (str(user_id), "")
    assert (order["number"], order["total"]) == ("DK-1", {"amount": 2000, "currency": "TZS"})
    assert (message["channel"], message["recipient"]) == ("sms", "")
    assert datetime.fromisoformat(device["seen_at"]) == NOON
    assert OrderConfirmed.model_validate(order).customer_id == user_id


async def test_the_data_of_other_people_is_unchanged(service: Service, staff: httpx.AsyncClient) -> None:
    user_id, other = await person_with_everything(service), await person_with_everything(service)
    before = await exported_data(service, other, OperationsDataGathered)
    await deliver(service, UserErased(user_id=user_id), consumer="operations.people")
    assert await exported_data(service, other, OperationsDataGathered) == before
    dead_letters: list[dict[str, Any]] = (await staff.get("/api/v1/dead-letters")).json()["data"]
    assert sorted((one["payload"]["email"], one["error"]) for one in dead_letters) == [
        ("", "ValidationError"),
        (EMAIL, f"ValidationError: {EMAIL}"),
    ]


async def test_later_data_about_an_erased_person_is_stored_anonymised(service: Service) -> None:
    user_id, other = new_id(), new_id()
    await deliver(service, UserErased(user_id=user_id), consumer="operations.people")
    await deliver(service, *events_about(user_id), consumer=JOURNAL)
    await deliver(service, requests_of(user_id), consumer=REQUESTS)
    mixed = cloud_event_of(requests_of(user_id, other))
    await deliver_dead_letters(
        service,
        failed_delivery(error=f"x: {NAME}", cloud_event=cloud_event_of(registered(user_id))),
        failed_delivery(cloud_event=mixed),
    )
    async with service.database.begin() as tx:
        [payload] = [
            bytes(row[0]) for row in await tx.sql.fetch("SELECT payload FROM dead_letter WHERE error LIKE 'V%'")
        ]
    of_erased, of_other = json.loads(payload)["requests"]
    assert (of_erased["ip"], of_other["ip"]) == ("", ADDRESS)
    async with service.database.begin() as tx:
        await tx.sql.execute("DELETE FROM dead_letter WHERE error LIKE 'V%'")
    assert personal_in(await stored_text(service)) == []
    assert len((await exported_data(service, user_id, OperationsDataGathered))["events"]) == 4


async def test_parts_of_exports_are_not_stored_in_the_journal(service: Service) -> None:
    fields = {"export_id": new_id(), "user_id": new_id(), "part": 0, "parts": 1}
    await deliver(service, OperationsDataGathered(**fields, sealed="a" * 1000), consumer=JOURNAL)
    assert "aaa" not in await stored_text(service)


@pytest.mark.parametrize("value", [None, 7, "text", [], {}, {"user_id": 7}, [{"user_id": None}]])
def test_data_about_no_person_is_unchanged(value: Any) -> None:
    assert people_in(value) == set()
    assert anonymise(value, {"somebody"}) == value


def test_unknown_fields_count_as_personal() -> None:
    data = {"user_id": "p", "invented": "Neema", "deep": [{"nickname": "N"}], "count": 3, "on": True, "none": None}
    assert anonymise(data, {"p"}) == {
        "user_id": "",
        "invented": "",
        "deep": [{"nickname": ""}],
        "count": 3,
        "on": True,
        "none": None,
    }
