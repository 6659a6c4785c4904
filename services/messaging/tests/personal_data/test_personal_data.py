"""The export of a person's data, and their erasure, which leaves only a tombstone."""

from dataclasses import replace
from uuid import UUID

from services.messaging.tests.conftest import run_jobs

from common.contracts.auth import UserErased, UserUpdated
from common.contracts.messaging import MessagingDataGathered
from common.contracts.orders import OrderConfirmed, OrderLine
from common.ids import new_id
from common.money import Money
from common.persistence.database import Database
from common.testing import cloud_event_of, deliver, exported_data
from common.web.service import Service
from messaging.messages.usecases.queue_messages import send_text

PHONE = "+255754000111"
PRICE = Money(amount=1000, currency="TZS")


def updated(user_id: UUID, phone: str = PHONE) -> UserUpdated:
    return UserUpdated(user_id=user_id, email="neema@shop.test", phone=phone, time_zone="Africa/Dar_es_Salaam")


def confirmed(user_id: UUID) -> OrderConfirmed:
    line = OrderLine(product_id=new_id(), title="Mug", quantity=1, unit_price=PRICE)
    names = {"order_id": new_id(), "payment_id": new_id(), "customer_id": user_id}
    return OrderConfirmed(**names, number="DK-1", lines=(line,), total=PRICE)


async def person_with_everything(service: Service) -> UUID:
    """A person with a contact, a delivered confirmation, a message of their own, and a queued confirmation."""
    user_id = new_id()
    await deliver(service, updated(user_id), confirmed(user_id))
    async with service.database.begin() as tx:
        await send_text(
            tx, user_id, recipient="+255754000222", text="Habari", channel="sms", client_ref="Neema 1", limit=9
        )
    await run_jobs(service)
    await deliver(service, confirmed(user_id))
    return user_id


async def rows_about(database: Database, user_id: UUID) -> dict[str, int]:
    tables = ("contact", "message", "waiting_confirmation", "quota_usage")
    async with database.begin() as tx:
        return {
            table: await tx.sql.fetchval(f"SELECT count(*) FROM {table} WHERE user_id = $1", user_id)
            for table in tables
        }


async def test_an_export_holds_contact_messages_and_usage_of_that_person_only(service: Service) -> None:
    user_id = await person_with_everything(service)
    await person_with_everything(service)
    exported = await exported_data(service, user_id, MessagingDataGathered)
    assert [(contact["phone"], contact["time_zone"]) for contact in exported["contact"]] == [
        (PHONE, "Africa/Dar_es_Salaam")
    ]
    assert [message["recipient"] for message in exported["messages"]] == [PHONE, "+255754000222", PHONE]
    own = exported["messages"][1]
    assert (own["text"], own["client_ref"], own["status"]) == ("Habari", "Neema 1", "delivered")
    assert [event["status"] for event in own["events"]] == ["sent", "delivered"]
    assert [usage["used"] for usage in exported["usage"]] == [1]


async def test_erasing_a_person_leaves_a_tombstone_and_sends_no_more_messages(
    service: Service, database: Database
) -> None:
    user_id, other = await person_with_everything(service), await person_with_everything(service)
    before = await rows_about(database, other)
    await deliver(service, UserErased(user_id=user_id))
    tombstone = {"contact": 1, "message": 0, "waiting_confirmation": 0, "quota_usage": 0}
    assert await rows_about(database, user_id) == tombstone
    assert await rows_about(database, other) == before
    exported = await exported_data(service, user_id, MessagingDataGathered)
    assert exported["contact"] == [
        {"phone": None, "whatsapp_number": None, "time_zone": "UTC", "max_messages_per_day": None}
    ]


async def test_late_or_repeated_events_do_not_restore_an_erased_person(service: Service, database: Database) -> None:
    user_id, unknown = await person_with_everything(service), new_id()
    erased = [UserErased(user_id=person) for person in (user_id, unknown)]
    await deliver(service, *erased)
    late = [replace(cloud_event_of(updated(person)), sequence=10**9) for person in (user_id, unknown)]
    await deliver(service, *late, confirmed(user_id), confirmed(unknown))
    await run_jobs(service)
    for person in (user_id, unknown):
        assert (await rows_about(database, person))["message"] == 0
        [contact] = (await exported_data(service, person, MessagingDataGathered))["contact"]
        assert contact["phone"] is None
