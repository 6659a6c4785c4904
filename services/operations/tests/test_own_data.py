"""People see what operations keeps about them; of erased ones it keeps that something happened, not what."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from services.operations.tests.test_dead_letters import bury, gone

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
from operations.domain.anonymity import people_in, without

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
    known = {"request_id": "r-1", "at": NOON, "method": "GET", "path": "/", "status": 200, "duration_ms": 1.0}
    logged = [LoggedRequest(**known, user_id=user_id, ip=ADDRESS, user_agent=NAME) for user_id in user_ids]
    return RequestsLogged(batch_id=new_id(), requests=tuple(logged))


async def person_with_everything(service: Service) -> UUID:
    """In the journal, in the request log, and among the dead letters."""
    user_id = new_id()
    await deliver(service, *events_about(user_id), consumer=JOURNAL)
    await deliver(service, requests_of(user_id), consumer=REQUESTS)
    await bury(service, gone(error=f"ValidationError: {EMAIL}", cloud_event=cloud_event_of(registered(user_id))))
    return user_id


async def kept(service: Service) -> str:
    """All that operations has, as text."""
    tables = ("event", "request", "dead_letter")
    async with service.database.begin() as tx:
        rows = [row["text"] for table in tables for row in await tx.sql.fetch(f"SELECT t::text AS text FROM {table} t")]
        rows += [bytes(row["payload"]).decode() for row in await tx.sql.fetch("SELECT payload FROM dead_letter")]
    return "\n".join(rows)


def found(text: str) -> list[str]:
    return [secret for secret in (EMAIL, NAME, PHONE, ADDRESS) if secret in text]


async def test_an_export_holds_requests_and_events_of_that_person_alone(service: Service) -> None:
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


async def test_of_an_erased_person_the_journal_keeps_ids_amounts_and_states(service: Service) -> None:
    user_id = await person_with_everything(service)
    await deliver(service, UserErased(user_id=user_id), consumer="operations.people")
    assert found(await kept(service)) == []
    document = await exported_data(service, user_id, OperationsDataGathered)
    device, message, order, person = [event["data"] for event in document["events"]]
    assert (person["user_id"], person["email"]) == (str(user_id), "")
    assert (order["number"], order["total"]) == ("DK-1", {"amount": 2000, "currency": "TZS"})
    assert (message["channel"], message["recipient"]) == ("sms", "")
    assert datetime.fromisoformat(device["seen_at"]) == NOON
    assert OrderConfirmed.model_validate(order).customer_id == user_id


async def test_others_stay_as_they_were(service: Service, staff: httpx.AsyncClient) -> None:
    user_id, other = await person_with_everything(service), await person_with_everything(service)
    before = await exported_data(service, other, OperationsDataGathered)
    await deliver(service, UserErased(user_id=user_id), consumer="operations.people")
    assert await exported_data(service, other, OperationsDataGathered) == before
    letters: list[dict[str, Any]] = (await staff.get("/api/v1/dead-letters")).json()["data"]
    assert sorted((letter["payload"]["email"], letter["error"]) for letter in letters) == [
        ("", "ValidationError"),
        (EMAIL, f"ValidationError: {EMAIL}"),
    ]


async def test_what_comes_late_is_kept_without_what_is_personal(service: Service) -> None:
    user_id, other = new_id(), new_id()
    await deliver(service, UserErased(user_id=user_id), consumer="operations.people")
    await deliver(service, *events_about(user_id), consumer=JOURNAL)
    await deliver(service, requests_of(user_id), consumer=REQUESTS)
    mixed = cloud_event_of(requests_of(user_id, other))
    await bury(
        service, gone(error=f"x: {NAME}", cloud_event=cloud_event_of(registered(user_id))), gone(cloud_event=mixed)
    )
    async with service.database.begin() as tx:
        [payload] = [
            bytes(row[0]) for row in await tx.sql.fetch("SELECT payload FROM dead_letter WHERE error LIKE 'V%'")
        ]
    theirs, others = json.loads(payload)["requests"]
    assert (theirs["ip"], others["ip"]) == ("", ADDRESS)
    async with service.database.begin() as tx:
        await tx.sql.execute("DELETE FROM dead_letter WHERE error LIKE 'V%'")
    assert found(await kept(service)) == []
    assert len((await exported_data(service, user_id, OperationsDataGathered))["events"]) == 4


async def test_sealed_parts_of_exports_stay_out_of_the_journal(service: Service) -> None:
    known = {"export_id": new_id(), "user_id": new_id(), "part": 0, "parts": 1}
    await deliver(service, OperationsDataGathered(**known, sealed="a" * 1000), consumer=JOURNAL)
    assert "aaa" not in await kept(service)


@pytest.mark.parametrize("value", [None, 7, "text", [], {}, {"user_id": 7}, [{"user_id": None}]])
def test_data_that_is_about_nobody_is_about_nobody(value: Any) -> None:
    assert people_in(value) == set()
    assert without({"somebody"}, value) == value


def test_what_is_new_is_taken_for_personal() -> None:
    data = {"user_id": "p", "invented": "Neema", "deep": [{"nickname": "N"}], "count": 3, "on": True, "none": None}
    assert without({"p"}, data) == {
        "user_id": "",
        "invented": "",
        "deep": [{"nickname": ""}],
        "count": 3,
        "on": True,
        "none": None,
    }
