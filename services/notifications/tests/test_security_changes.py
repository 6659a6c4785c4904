"""The letter about a change of how one signs in, which its owner may know nothing of."""

from datetime import UTC, datetime, timedelta

import pytest

from common import clock
from common.contracts.auth import EmailChangeRequested, SecurityChanged
from common.ids import new_id
from common.persistence.database import Database
from common.security.encryption import LOCAL_SECRET, Seal
from common.testing import cloud_event_of, deliver
from common.web.service import Service

from .conftest import Letters, mail_states, part, registered, run_jobs


def changed(user_id: object, what: str) -> SecurityChanged:
    at = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
    return SecurityChanged.model_validate({"user_id": user_id, "what": what, "address": "203.0.113.9", "at": at})


@pytest.mark.parametrize(
    ("what", "subject"),
    [
        ("passkey_added", "A passkey was added to your account"),
        ("totp_off", "The authenticator app was removed from your account"),
        ("something_that_auth_names_tomorrow", "How one signs in to your account changed"),
    ],
)
async def test_a_change_of_how_one_signs_in_is_told_once_by_mail_and_in_the_app(
    service: Service, database: Database, letters: Letters, what: str, subject: str
) -> None:
    user = new_id()
    await deliver(service, registered(user))
    event = cloud_event_of(changed(user, what))
    await deliver(service, event, event)
    await run_jobs(service)

    letter = letters()[-1]
    assert await mail_states(database) == ["welcome sent", "security_changed sent"]
    assert (letter["To"], letter["Subject"]) == ("asha@example.com", subject)
    for kind in ("plain", "html"):
        assert "203.0.113.9, 2026-03-01 12:05 UTC" in part(letter, kind)


async def test_the_former_address_hears_that_the_account_has_another(service: Service, letters: Letters) -> None:
    user = new_id()
    await deliver(service, registered(user))
    moved = changed(user, "email_changed").model_copy(update={"email": "former@example.com"})
    await deliver(service, moved)
    await run_jobs(service)
    letter = letters()[-1]
    assert (letter["To"], letter["Subject"]) == (
        "former@example.com",
        "The e-mail address of your account was changed",
    )


async def test_the_code_for_a_new_address_goes_there_and_not_to_the_account(service: Service, letters: Letters) -> None:
    user, ends = new_id(), clock.now() + timedelta(minutes=10)
    content = {"code": "407193", "link": "https://shop.example/page"}
    sealed = Seal(LOCAL_SECRET).close(content, f"change_email/{user}")
    await deliver(service, registered(user))
    await deliver(service, EmailChangeRequested(user_id=user, email="new@example.com", sealed=sealed, expires_at=ends))
    await run_jobs(service)
    letter = letters()[-1]
    assert (letter["To"], letter["Subject"]) == ("new@example.com", "Confirm your new e-mail address")
    for kind in ("plain", "html"):
        assert "407193" in part(letter, kind)
        assert "https://shop.example/page" in part(letter, kind)
