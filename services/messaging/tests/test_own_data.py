"""People see what messaging keeps about them; of erased ones only a tombstone stays."""

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
from messaging.usecases.send_text import send_text

PHONE = "+255754000111"
PRICE = Money(amount=1000, currency="TZS")


def known(user_id: UUID, phone: str = PHONE) -> UserUpdated:
    return UserUpdated(user_id=user_id, email="neema@shop.test", phone=phone, time_zone="Africa/Dar_es_Salaam")


def confirmed(user_id: UUID) -> OrderConfirmed:
    line = OrderLine(product_id=new_id(), title="Mug", quantity=1, unit_price=PRICE)
    names = {"order_id": new_id(), "payment_id": new_id(), "customer_id": user_id}
    return OrderConfirmed(**names, number="DK-1", lines=(line,), total=PRICE)


async def person_with_everything(service: Service) -> UUID:
    """Known, told of an order, having written; with one confirmation more that waits to be sent."""
    user_id = new_id()
    await deliver(service, known(user_id), confirmed(user_id))
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


async def test_an_export_holds_contact_messages_and_usage_of_that_person_alone(service: Service) -> None:
    user_id = await person_with_everything(service)
    await person_with_everything(service)
    kept = await exported_data(service, user_id, MessagingDataGathered)
    assert [(contact["phone"], contact["time_zone"]) for contact in kept["contact"]] == [
        (PHONE, "Africa/Dar_es_Salaam")
    ]
    assert [message["recipient"] for message in kept["messages"]] == [PHONE, "+255754000222", PHONE]
    own = kept["messages"][1]
    assert (own["text"], own["client_ref"], own["status"]) == ("Habari", "Neema 1", "delivered")
    assert [event["status"] for event in own["events"]] == ["sent", "delivered"]
    assert [usage["used"] for usage in kept["usage"]] == [1]


async def test_of_an_erased_person_nothing_is_left_but_a_tombstone_and_nothing_more_is_sent(
    service: Service, database: Database
) -> None:
    user_id, other = await person_with_everything(service), await person_with_everything(service)
    before = await rows_about(database, other)
    await deliver(service, UserErased(user_id=user_id))
    nothing = {"contact": 1, "message": 0, "waiting_confirmation": 0, "quota_usage": 0}
    assert await rows_about(database, user_id) == nothing
    assert await rows_about(database, other) == before
    kept = await exported_data(service, user_id, MessagingDataGathered)
    assert kept["contact"] == [{"phone": None, "time_zone": "UTC", "max_messages_per_day": None}]


async def test_what_comes_late_or_again_does_not_bring_the_person_back(service: Service, database: Database) -> None:
    user_id, before_anything = await person_with_everything(service), new_id()
    erased = [UserErased(user_id=person) for person in (user_id, before_anything)]
    await deliver(service, *erased)
    late = [replace(cloud_event_of(known(person)), sequence=10**9) for person in (user_id, before_anything)]
    await deliver(service, *late, confirmed(user_id), confirmed(before_anything))
    await run_jobs(service)
    for person in (user_id, before_anything):
        assert (await rows_about(database, person))["message"] == 0
        [contact] = (await exported_data(service, person, MessagingDataGathered))["contact"]
        assert contact["phone"] is None
