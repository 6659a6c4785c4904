"""Notices of events, in the app and by e-mail."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from services.notifications.tests.conftest import Emails, confirmed, email_states, part, registered, run_jobs

from common.contracts.auth import EmailConfirmationRequested, PasswordChanged, PasswordResetRequested, UserUpdated
from common.contracts.billing import PaymentRefunded
from common.contracts.event import Event
from common.contracts.notifications import EmailFailed, EmailSent, NotificationCreated
from common.contracts.orders import OrderCancelled, OrderDelivered, OrderShipped
from common.ids import new_id
from common.money import Money
from common.persistence.database import Database
from common.security.encryption import LOCAL_SECRET, Seal
from common.testing import cloud_event_of, deliver, eventually, facts, waits_for_a_lock
from common.web.service import Service
from notifications.contacts.domain import Contact
from notifications.contacts.usecases import store_contacts
from notifications.notices.usecases import announce

CUSTOMER = new_id()
ORDER = {"order_id": new_id(), "number": "1001", "customer_id": CUSTOMER}
PRICE = Money(amount=250000, currency="TZS")
REFUND = {"payment_id": new_id(), "order_id": new_id(), "customer_id": CUSTOMER, "refunded": PRICE, "captured": PRICE}

TEN_MINUTES = timedelta(minutes=10)


async def test_a_new_user_is_welcomed_in_the_app_and_by_email(
    service: Service, database: Database, emails: Emails
) -> None:
    user = new_id()
    await deliver(service, registered(user))
    await run_jobs(service)
    [email] = emails()

    assert [fact.topic for fact in await facts(database, NotificationCreated)] == ["account.welcome"]
    assert [fact.template for fact in await facts(database, EmailSent)] == ["welcome"]
    assert (email["To"], email["Subject"]) == ("asha@example.com", "Welcome to Dukan")
    assert "Hello Asha," in part(email, "plain")


@pytest.mark.parametrize(
    ("event", "template"),
    [(EmailConfirmationRequested, "confirm_email"), (PasswordResetRequested, "reset_password")],
)
async def test_a_code_is_sent_by_email_only_and_never_stored_in_plain_text(
    service: Service,
    database: Database,
    emails: Emails,
    event: type[EmailConfirmationRequested | PasswordResetRequested],
    template: str,
) -> None:
    user, seal = new_id(), Seal(LOCAL_SECRET)
    sealed = seal.close({"code": "407193", "link": "https://shop.example/page"}, f"{template}/{user}")
    person = registered(user).model_dump()
    await deliver(service, registered(user))
    await deliver(service, event(**person, sealed=sealed, expires_at=datetime.now(UTC) + TEN_MINUTES))
    async with database.begin() as tx:
        waiting = [str(dict(row)) for row in await tx.sql.fetch("SELECT * FROM email")]
    await run_jobs(service)

    assert "407193" in part(emails()[-1], "plain")
    assert [fact.topic for fact in await facts(database, NotificationCreated)] == ["account.welcome"]
    async with database.begin() as tx:
        stored = [str(dict(row)) for row in await tx.sql.fetch("SELECT * FROM email")]
    assert not [row for row in waiting + stored if "407193" in row]
    assert not [row for row in stored if sealed in row]


async def test_a_changed_password_is_announced_in_the_app_and_by_email(
    service: Service, database: Database, emails: Emails
) -> None:
    user = new_id()
    await deliver(service, registered(user))
    await deliver(service, PasswordChanged(**registered(user).model_dump()))
    await run_jobs(service)

    assert emails()[-1]["Subject"] == "Your password was changed"
    topics = [fact.topic for fact in await facts(database, NotificationCreated)]
    assert topics == ["account.welcome", "account.password_changed"]


async def test_a_confirmed_order_is_emailed_with_its_lines_and_total(service: Service, emails: Emails) -> None:
    user = new_id()
    await deliver(service, registered(user))
    await deliver(service, confirmed(user))
    await run_jobs(service)
    email = emails()[-1]

    assert email["Subject"] == "Order 1001 is confirmed"
    assert "2 x Mug: TZS 2,500.00" in part(email, "plain")
    assert "Total: TZS 2,500.00" in part(email, "plain")


@pytest.mark.parametrize(
    ("event", "title", "body", "emailed"),
    [
        (
            OrderCancelled(**ORDER, reason="out_of_stock", lines=(), total=PRICE),
            "Order 1001 was cancelled",
            "Your order was cancelled because an item is out of stock.",
            True,
        ),
        (
            OrderCancelled(**ORDER, reason="a_reason_of_tomorrow", lines=(), total=PRICE),
            "Order 1001 was cancelled",
            "Your order was cancelled because it could not be completed.",
            True,
        ),
        (
            OrderShipped(**ORDER, carrier="Posta", tracking_number="TZ1"),
            "Order 1001 is on its way",
            "It left the shop with Posta, tracking number TZ1.",
            True,
        ),
        (
            OrderShipped(**ORDER),
            "Order 1001 is on its way",
            "It left the shop.",
            True,
        ),
        (
            OrderDelivered(**ORDER),
            "Order 1001 was delivered",
            "Enjoy it, and tell us if anything is not as it should be.",
            True,
        ),
        (
            PaymentRefunded(**REFUND, amount=PRICE, reason="order_cancelled"),
            "TZS 2,500.00 is on its way back to you",
            "We refunded your payment. It can take a few days to show.",
            False,
        ),
    ],
)
async def test_every_change_of_an_order_is_announced(
    service: Service, database: Database, emails: Emails, event: Event, title: str, body: str, emailed: bool
) -> None:
    await deliver(service, registered(CUSTOMER))
    await deliver(service, event)
    await run_jobs(service)

    async with database.begin() as tx:
        notification = await tx.sql.fetchrow("SELECT title, body FROM notification WHERE topic <> 'account.welcome'")
    assert (notification["title"], notification["body"]) == (title, body)
    assert [email["Subject"] for email in emails()[1:]] == ([title] if emailed else [])


async def test_a_batch_of_events_of_several_types_is_announced(service: Service, database: Database) -> None:
    await deliver(service, OrderDelivered(**ORDER), OrderShipped(**ORDER), OrderDelivered(**ORDER))

    topics = sorted(fact.topic for fact in await facts(database, NotificationCreated))
    assert topics == ["order.delivered", "order.delivered", "order.shipped"]


async def test_a_redelivered_event_is_announced_once_even_after_the_inbox_was_cleared(
    service: Service, database: Database, emails: Emails
) -> None:
    user = new_id()
    await deliver(service, registered(user))
    order = cloud_event_of(confirmed(user))
    await deliver(service, order, order)
    async with database.begin() as tx:
        await tx.sql.execute("DELETE FROM inbox")
    await deliver(service, order, confirmed(user, "1002"))
    await run_jobs(service)

    subjects = [email["Subject"] for email in emails()]
    assert subjects == ["Welcome to Dukan", "Order 1001 is confirmed", "Order 1002 is confirmed"]
    assert len(await facts(database, NotificationCreated)) == 3


async def test_an_email_to_an_unknown_person_waits_for_the_registration(
    service: Service, database: Database, emails: Emails
) -> None:
    user = new_id()
    await deliver(service, confirmed(user))
    assert await run_jobs(service) == 0
    assert await email_states(database) == ["order_confirmed waiting_contact"]

    await deliver(service, registered(user))
    await run_jobs(service)
    assert await email_states(database) == ["order_confirmed sent", "welcome sent"]
    assert {email["To"] for email in emails()} == {"asha@example.com"}


async def test_an_email_of_an_order_handled_during_its_customers_registration_is_queued(
    service: Service, database: Database
) -> None:
    user = new_id()
    async with database.begin() as registration:
        await store_contacts(registration, [Contact(user, "asha@example.com", "Asha", "", "en", (), 1)])
        order = asyncio.create_task(deliver(service, confirmed(user)))
        await eventually(lambda: waits_for_a_lock(database))
    await order

    assert await email_states(database) == ["order_confirmed queued"]


async def test_a_registration_handled_during_its_customers_order_releases_the_email(
    service: Service, database: Database
) -> None:
    user = new_id()
    event = confirmed(user)
    async with database.begin() as order:
        order.received([(event, cloud_event_of(event))])
        await announce(order, [event])
        registration = asyncio.create_task(deliver(service, registered(user)))
        await eventually(lambda: waits_for_a_lock(database))
    await registration

    assert await email_states(database) == ["order_confirmed queued", "welcome queued"]


async def test_an_email_goes_to_the_newest_address_in_whatever_order_the_updates_arrive(
    service: Service, emails: Emails
) -> None:
    user = new_id()
    first = cloud_event_of(registered(user, "old@example.com"))
    then = cloud_event_of(UserUpdated(user_id=user, email="older@example.com"))
    last = cloud_event_of(UserUpdated(user_id=user, email="new@example.com"))
    await deliver(service, last, then)
    await deliver(service, first)
    await run_jobs(service)

    assert [email["To"] for email in emails()] == ["new@example.com"]


async def test_a_sent_email_is_caused_by_the_event_that_requested_it(service: Service, database: Database) -> None:
    user = new_id()
    await deliver(service, registered(user))
    order = cloud_event_of(confirmed(user))
    await deliver(service, order)
    await run_jobs(service)

    async with database.begin() as tx:
        rows = await tx.sql.fetch("SELECT type FROM outbox WHERE causation_id = $1 ORDER BY id", str(order.id))
        traces = await tx.sql.fetch("SELECT DISTINCT correlation_id FROM outbox WHERE causation_id = $1", str(order.id))
    assert [row["type"] for row in rows] == [NotificationCreated.type, EmailSent.type]
    assert [row["correlation_id"] for row in traces] == [order.correlation_id]


async def test_an_invalid_address_fails_once_and_does_not_stop_other_emails(
    service: Service, database: Database, emails: Emails
) -> None:
    await deliver(service, registered(new_id(), "not an address\r\nBcc: all@example.com"), registered(new_id()))
    await run_jobs(service)

    assert sorted(await email_states(database)) == ["welcome failed", "welcome sent"]
    assert len(await facts(database, EmailFailed)) == 1
    assert [email["To"] for email in emails()] == ["asha@example.com"]
