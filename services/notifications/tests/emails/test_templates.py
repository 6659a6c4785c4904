"""The texts of all e-mails, word for word: `golden/<template>.txt` is the subject, the text part and the HTML part."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from services.notifications.tests.conftest import part

from common.security.encryption import Seal
from notifications.emails.domain import Email
from notifications.emails.providers.email_renderer import TEMPLATES, EmailRenderer

GOLDEN = Path(__file__).parent / "golden"
SEAL = Seal("of these tests")
PERSON = UUID(int=1)
ORDER = {"number": "1001"}
PRICE, TOTAL = ({"amount": amount, "currency": "TZS"} for amount in (125000, 250000))
LINE = {"title": "Mug", "quantity": 2, "unit_price": PRICE, "line_total": TOTAL}
DEVICE = {"device": "Firefox on Linux", "address": "203.0.113.9", "seen_at": "2026-03-01 12:05 UTC"}
CHANGE = {"changed": "A passkey was added to your account", "address": "203.0.113.9", "at": "2026-03-01 12:05 UTC"}


def sealed(template: str) -> dict[str, str]:
    content = {"code": "407193", "link": "https://shop.example/page?token=abc"}
    return {"sealed": SEAL.close(content, f"{template}/{PERSON}")}


DATA: dict[str, dict[str, Any]] = {
    "welcome": {},
    "confirm_email": sealed("confirm_email"),
    "change_email": sealed("change_email"),
    "reset_password": sealed("reset_password"),
    "password_changed": {},
    "already_registered": {"address": "203.0.113.9", "at": "2026-03-01 12:05 UTC"},
    "new_device": DEVICE,
    "security_changed": CHANGE,
    "order_confirmed": ORDER | {"lines": [LINE], "total": TOTAL},
    "order_cancelled": ORDER | {"because": "an item is out of stock"},
    "order_shipped": ORDER | {"carrier": "Posta", "tracking_number": "TZ1"},
    "order_delivered": ORDER,
}


@pytest.mark.parametrize("template", DATA)
def test_an_email_says_what_its_golden_file_says(template: str) -> None:
    email = Email(
        id=PERSON,
        user_id=PERSON,
        recipient="asha@example.com",
        first_name="Asha",
        language="en",
        template=template,
        data=DATA[template],
        attempt=1,
        created_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    )
    content = EmailRenderer("Dukan <shop@dukan.example>", SEAL).render(email).content
    message = message_from_bytes(content, policy=policy.default)
    text = f"Subject: {message['Subject']}\n\n{part(message, 'plain')}\n\n{part(message, 'html')}"

    assert text.replace("\r\n", "\n") == (GOLDEN / f"{template}.txt").read_text()


def test_every_template_has_a_golden_file() -> None:
    templates = {file.name.removesuffix(".subject.txt") for file in TEMPLATES.glob("en/*.subject.txt")}

    assert templates == set(DATA) == {file.stem for file in GOLDEN.glob("*.txt")}
