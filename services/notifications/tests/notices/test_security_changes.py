"""Notices of changes to how a person signs in."""

from datetime import UTC, datetime, timedelta

import pytest
from services.notifications.tests.conftest import Emails, email_states, part, registered, run_jobs

from common import clock
from common.contracts.auth import EmailChangeRequested, SecurityChanged
from common.ids import new_id
from common.persistence.database import Database
from common.security.encryption import LOCAL_SECRET, Seal
from common.testing import cloud_event_of, deliver
from common.web.service import Service


def changed(user_id: object, what: str) -> SecurityChanged:
    at = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
    return SecurityChanged.model_validate({"user_id": user_id, "what": what, "address": "203.0.113.9", "at": at})


@pytest.mark.parametrize(
    ("what", "subject"),
    [
        ("passkey_added", "A passkey was added to your account"),
        ("totp_off", "The authenticator app was removed from your account"),
        ("a_change_that_is_added_later", "How one signs in to your account changed"),
    ],
)
async def test_a_security_change_is_announced_once_by_email_and_in_the_app(
    service: Service, database: Database, emails: Emails, what: str, subject: str
) -> None:
    user = new_id()
    await deliver(service, registered(user))
    event = cloud_event_of(changed(user, what))
    await deliver(service, event, event)
    await run_jobs(service)

    email = emails()[-1]
    assert await email_states(database) == ["welcome sent", "security_changed sent"]
    assert (email["To"], email["Subject"]) == ("asha@example.com", subject)
    for kind in ("plain", "html"):
        assert "203.0.113.9, 2026-03-01 12:05 UTC" in part(email, kind)


async def test_the_former_address_is_told_about_the_new_one(service: Service, emails: Emails) -> None:
    user = new_id()
    await deliver(service, registered(user))
    moved = changed(user, "email_changed").model_copy(update={"email": "former@example.com"})
    await deliver(service, moved)
    await run_jobs(service)
    email = emails()[-1]
    assert (email["To"], email["Subject"]) == (
        "former@example.com",
        "The e-mail address of your account was changed",
    )


async def test_the_code_for_a_new_address_is_sent_to_that_address(service: Service, emails: Emails) -> None:
    user, ends = new_id(), clock.now() + timedelta(minutes=10)
    content = {"code": "407193", "link": "https://shop.example/page"}
    sealed = Seal(LOCAL_SECRET).close(content, f"change_email/{user}")
    await deliver(service, registered(user))
    await deliver(service, EmailChangeRequested(user_id=user, email="new@example.com", sealed=sealed, expires_at=ends))
    await run_jobs(service)
    email = emails()[-1]
    assert (email["To"], email["Subject"]) == ("new@example.com", "Confirm your new e-mail address")
    for kind in ("plain", "html"):
        assert "407193" in part(email, kind)
        assert "https://shop.example/page" in part(email, kind)
