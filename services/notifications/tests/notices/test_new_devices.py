"""The notice of a sign-in on a new device."""

from datetime import UTC, datetime

from services.notifications.tests.conftest import Emails, email_states, part, registered, run_jobs

from common.contracts.auth import NewDeviceSeen
from common.ids import new_id
from common.persistence.database import Database
from common.testing import cloud_event_of, deliver
from common.web.service import Service


def seen(user_id: object, name: str = "Firefox on Linux") -> NewDeviceSeen:
    about = {"user_id": user_id, "device_id": new_id(), "name": name, "address": "203.0.113.9"}
    return NewDeviceSeen.model_validate(about | {"seen_at": datetime(2026, 3, 1, 12, 5, tzinfo=UTC)})


async def test_a_sign_in_on_a_new_device_is_announced_once_by_email_and_in_the_app(
    service: Service, database: Database, emails: Emails
) -> None:
    user = new_id()
    await deliver(service, registered(user))
    event = cloud_event_of(seen(user))
    await deliver(service, event, event)
    await run_jobs(service)

    email = emails()[-1]
    assert await email_states(database) == ["welcome sent", "new_device sent"]
    assert (email["To"], email["Subject"]) == ("asha@example.com", "New sign-in to your account: Firefox on Linux")
    for kind in ("plain", "html"):
        assert "203.0.113.9, 2026-03-01 12:05 UTC" in part(email, kind)


async def test_a_hostile_device_name_stays_text(service: Service, emails: Emails) -> None:
    user = new_id()
    await deliver(service, registered(user))
    await deliver(service, seen(user, "<b>Phone</b>\r\nBcc: all@example.com"))
    await run_jobs(service)

    email = emails()[-1]
    assert email["Bcc"] is None
    assert "<b>Phone" not in part(email, "html")
