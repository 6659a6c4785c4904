"""A change of the e-mail address through the gateway: the new address gets the code, the old one a notification."""

import re
from email.message import EmailMessage
from uuid import uuid4

from common.testing import eventually
from dukan.mail import messages

from .platform import Platform


async def arrived(platform: Platform, email: str, subject: str) -> EmailMessage:
    async def found() -> EmailMessage | None:
        to = [message for message in messages(platform.data) if (message["To"], message["Subject"]) == (email, subject)]
        return to[0] if to else None

    message = await eventually(found)
    assert message is not None
    return message


async def test_the_address_changes_with_the_code_sent_to_the_new_one_and_the_old_one_is_notified(
    platform: Platform,
) -> None:
    person, new = await platform.customer(), f"new-{uuid4().hex[:12]}@example.com"
    asked = await person.post("/auth/email/change", {"email": new})
    assert asked.status_code == 202, asked.text
    part = (await arrived(platform, new, "Confirm your new e-mail address")).get_body(("plain",))
    assert part is not None
    code = re.search(r"^\s*(\d{6})\s*$", part.get_content(), re.MULTILINE)
    assert code is not None

    changed = await person.post("/auth/email/change/confirm", {"code": code[1]})

    assert changed.status_code == 200, changed.text
    assert (await person.data("/auth/me"))["email"] == new
    await arrived(platform, person.email, "The e-mail address of your account was changed")
