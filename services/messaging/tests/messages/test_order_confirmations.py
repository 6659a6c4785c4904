"""Order confirmations by message."""

import asyncio
from uuid import UUID

from services.messaging.tests.conftest import run_jobs, statuses, used

from common.context import Origin
from common.contracts.auth import UserRegistered, UserUpdated
from common.contracts.messaging import MessageDelivered, MessageFailed, MessageQueued, MessageSent
from common.contracts.orders import OrderConfirmed, OrderLine
from common.ids import new_id
from common.money import Money
from common.persistence.database import Database
from common.testing import cloud_event_of, deliver, eventually, facts, waits_for_a_lock
from common.web.service import Service
from messaging.contacts.domain import Contact
from messaging.contacts.usecases import store_contacts
from messaging.messages.usecases.confirm_orders import Confirmation, confirm_orders
from messaging.quotas.domain import PLATFORM_ACCOUNT

PHONE = "+255712345678"


def registered(user_id: UUID, phone: str | None = PHONE) -> UserRegistered:
    return UserRegistered(user_id=user_id, email="asha@example.com", phone=phone)


def confirmed(customer_id: UUID, number: str = "1001") -> OrderConfirmed:
    price = Money(amount=250000, currency="TZS")
    line = OrderLine(product_id=new_id(), title="Mug", quantity=2, unit_price=price)
    return OrderConfirmed(
        order_id=new_id(), number=number, customer_id=customer_id, payment_id=new_id(), lines=(line,), total=price * 2
    )


async def texts(database: Database) -> list[str]:
    async with database.begin() as tx:
        return [f"{row['recipient']} {row['text']}" for row in await tx.sql.fetch("SELECT * FROM message ORDER BY id")]


async def test_a_confirmed_order_is_queued_sent_and_delivered(service: Service, database: Database) -> None:
    customer = new_id()
    await deliver(service, registered(customer))
    await deliver(service, confirmed(customer))
    await run_jobs(service)

    assert await statuses(database) == ["delivered"]
    assert (await texts(database))[0].startswith(f"{PHONE} Thank you! Your order 1001 (2 items) is confirmed.")
    assert [fact.user_id for fact in await facts(database, MessageQueued)] == [customer]
    assert [fact.user_id for fact in await facts(database, MessageSent)] == [customer]
    assert [fact.user_id for fact in await facts(database, MessageDelivered)] == [customer]


async def test_later_events_of_a_message_are_caused_by_its_queueing_and_that_by_the_order(
    service: Service, database: Database
) -> None:
    customer = new_id()
    await deliver(service, registered(customer))
    order = cloud_event_of(confirmed(customer))
    await deliver(service, order)
    await run_jobs(service)

    async with database.begin() as tx:
        rows = await tx.sql.fetch("SELECT type, event_id, causation_id, correlation_id FROM outbox ORDER BY id")
    queued, *later = rows
    assert queued["causation_id"] == str(order.id)
    assert {row["causation_id"] for row in later} == {str(queued["event_id"])}
    assert {row["correlation_id"] for row in rows} == {order.correlation_id}


async def test_a_redelivered_order_is_confirmed_once_even_after_the_inbox_was_cleared(
    service: Service, database: Database
) -> None:
    customer = new_id()
    await deliver(service, registered(customer))
    order = cloud_event_of(confirmed(customer))
    await deliver(service, order, order)
    async with database.begin() as tx:
        await tx.sql.execute("DELETE FROM inbox")
    await deliver(service, order, confirmed(customer, "1002"))
    await run_jobs(service)

    assert await statuses(database) == ["delivered", "delivered"]
    assert len(await facts(database, MessageQueued)) == 2


async def test_confirmations_are_charged_to_the_platform_without_a_limit(service: Service, database: Database) -> None:
    customer = new_id()
    await deliver(service, registered(customer))
    await deliver(service, *[confirmed(customer, str(number)) for number in range(70)])

    assert await used(database, customer) == 0
    assert await used(database, PLATFORM_ACCOUNT) == 70


async def test_a_confirmation_goes_to_the_number_for_whatsapp(service: Service, database: Database) -> None:
    customer = new_id()
    person = UserRegistered(user_id=customer, email="asha@example.com", phone=PHONE, whatsapp_number="+255754000111")
    await deliver(service, person)
    await deliver(service, confirmed(customer))

    async with database.begin() as tx:
        assert [row["recipient"] for row in await tx.sql.fetch("SELECT recipient FROM message")] == ["+255754000111"]


async def test_a_customer_without_a_phone_gets_no_message(service: Service, database: Database) -> None:
    without, with_a_local_number = new_id(), new_id()
    await deliver(service, registered(without, None), registered(with_a_local_number, "0712 345 678"))
    await deliver(service, confirmed(without), confirmed(with_a_local_number))

    assert await statuses(database) == []
    async with database.begin() as tx:
        assert await tx.sql.fetchval("SELECT count(*) FROM waiting_confirmation") == 0


async def test_an_order_that_arrives_before_its_customers_registration_is_confirmed_after_it(
    service: Service, database: Database
) -> None:
    customer = new_id()
    order = cloud_event_of(confirmed(customer))
    await deliver(service, order)
    assert await statuses(database) == []

    await deliver(service, registered(customer))
    await run_jobs(service)

    assert await statuses(database) == ["delivered"]
    async with database.begin() as tx:
        causes = await tx.sql.fetch("SELECT causation_id FROM outbox WHERE type = $1", MessageQueued.type)
    assert [row["causation_id"] for row in causes] == [str(order.id)]


async def test_an_order_handled_during_its_customers_registration_is_confirmed(
    service: Service, database: Database
) -> None:
    customer = new_id()
    async with database.begin() as registration:
        await store_contacts(registration, [Contact(customer, PHONE, "UTC", 1)])
        order = asyncio.create_task(deliver(service, confirmed(customer)))
        await eventually(lambda: waits_for_a_lock(database))
    await order

    assert await statuses(database) == ["queued"]


async def test_a_registration_handled_during_its_customers_order_releases_the_confirmation(
    service: Service, database: Database
) -> None:
    customer = new_id()
    async with database.begin() as order:
        await confirm_orders(order, [Confirmation(new_id(), customer, "Thank you!", Origin("a-purchase"))])
        registration = asyncio.create_task(deliver(service, registered(customer)))
        await eventually(lambda: waits_for_a_lock(database))
    await registration

    assert await statuses(database) == ["queued"]


async def test_an_older_contact_never_replaces_a_newer_one(service: Service, database: Database) -> None:
    customer = new_id()
    earlier = cloud_event_of(registered(customer, "+255700000009"))
    later = cloud_event_of(UserUpdated(user_id=customer, email="asha@example.com", phone=PHONE))
    await deliver(service, later)
    await deliver(service, earlier)
    await deliver(service, confirmed(customer))

    assert (await texts(database))[0].startswith(PHONE)


async def test_a_message_to_an_unreachable_number_fails_and_is_not_charged(
    service: Service, database: Database
) -> None:
    customer = new_id()
    await deliver(service, registered(customer, "+255712340000"))
    await deliver(service, confirmed(customer))
    await run_jobs(service)

    assert await statuses(database) == ["failed"]
    assert [fact.code for fact in await facts(database, MessageFailed)] == ["recipient_unreachable"]
    assert await used(database, PLATFORM_ACCOUNT) == 0
