"""The letter about a change of how one signs in, which its owner may know nothing of."""

from datetime import UTC, datetime

import pytest

from common.contracts.auth import SecurityChanged
from common.ids import new_id
from common.persistence.database import Database
from common.service import Service
from common.testing import deliver, envelope_of

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
    event = envelope_of(changed(user, what))
    await deliver(service, event, event)
    await run_jobs(service)

    letter = letters()[-1]
    assert await mail_states(database) == ["welcome sent", "security_changed sent"]
    assert (letter["To"], letter["Subject"]) == ("asha@example.com", subject)
    for kind in ("plain", "html"):
        assert "203.0.113.9, 2026-03-01 12:05 UTC" in part(letter, kind)
