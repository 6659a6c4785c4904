"""The export of a person's data, and their erasure, which leaves only a tombstone."""

from dataclasses import replace
from uuid import UUID

from services.notifications.tests.conftest import Emails, confirmed, registered, run_jobs

from common import clock
from common.contracts.auth import NewDeviceSeen, UserErased
from common.contracts.notifications import NotificationsDataGathered
from common.ids import new_id
from common.persistence.database import Database
from common.testing import cloud_event_of, deliver, exported_data
from common.web.service import Service


def new_device(user_id: UUID) -> NewDeviceSeen:
    return NewDeviceSeen(
        user_id=user_id, device_id=new_id(), name="Neema's phone", address="203.0.113.7", seen_at=clock.now()
    )


async def person_with_everything(service: Service, email: str = "asha@example.com") -> UUID:
    """A person with sent e-mails about the registration and an order, and a queued one about a new device."""
    user_id = new_id()
    await deliver(service, registered(user_id, email), confirmed(user_id))
    await run_jobs(service)
    await deliver(service, new_device(user_id))
    return user_id


async def rows_about(database: Database, user_id: UUID) -> list[int]:
    """How many contacts, notifications and e-mails."""
    tables = ("contact", "notification", "email")
    async with database.begin() as tx:
        counts = [f"SELECT count(*) FROM {table} WHERE user_id = $1" for table in tables]
        return [await tx.sql.fetchval(count, user_id) for count in counts]


async def test_an_export_holds_contact_notifications_and_emails_of_that_person_only(service: Service) -> None:
    user_id = await person_with_everything(service)
    await person_with_everything(service, "juma@example.com")
    exported = await exported_data(service, user_id, NotificationsDataGathered)
    assert [(contact["email"], contact["first_name"]) for contact in exported["contact"]] == [
        ("asha@example.com", "Asha")
    ]
    topics = [notification["topic"] for notification in exported["notifications"]]
    assert topics == ["account.new_device", "order.confirmed", "account.welcome"]
    assert [(email["template"], email["recipient"]) for email in exported["letters"]] == [
        ("new_device", "asha@example.com"),
        ("order_confirmed", "asha@example.com"),
        ("welcome", "asha@example.com"),
    ]
    assert "juma" not in str(exported)


async def test_erasing_a_person_leaves_a_tombstone_and_sends_no_more_emails(
    service: Service, database: Database, emails: Emails
) -> None:
    user_id, other = await person_with_everything(service), await person_with_everything(service)
    sent = len(emails())
    await deliver(service, UserErased(user_id=user_id))
    assert await rows_about(database, user_id) == [1, 0, 0]
    assert await rows_about(database, other) == [1, 3, 3]
    await run_jobs(service)
    assert len(emails()) == sent + 1
    [contact] = (await exported_data(service, user_id, NotificationsDataGathered))["contact"]
    assert contact == {"email": "", "first_name": "", "last_name": "", "language": "en"}


async def test_late_or_repeated_events_do_not_restore_an_erased_person(
    service: Service, database: Database, emails: Emails
) -> None:
    user_id, unknown = await person_with_everything(service), new_id()
    people = (user_id, unknown)
    await deliver(service, *(UserErased(user_id=person) for person in people))
    sent = len(emails())
    for person in people:
        late = replace(cloud_event_of(registered(person)), sequence=10**9)
        await deliver(service, late, new_device(person), confirmed(person))
    await run_jobs(service)
    assert len(emails()) == sent
    assert [await rows_about(database, person) for person in people] == [[1, 0, 0], [1, 0, 0]]
