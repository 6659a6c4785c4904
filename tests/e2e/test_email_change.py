"""Another e-mail address over the gateway: the code comes to the new one, the news to the former."""

import re
from email.message import EmailMessage
from uuid import uuid4

from common.testing import eventually
from dukan.mail import messages

from .platform import Platform


async def arrived(shop: Platform, email: str, subject: str) -> EmailMessage:
    async def found() -> EmailMessage | None:
        to = [letter for letter in messages(shop.data) if (letter["To"], letter["Subject"]) == (email, subject)]
        return to[0] if to else None

    letter = await eventually(found)
    assert letter is not None
    return letter


async def test_an_account_moves_by_the_code_in_its_new_mailbox_and_the_former_one_hears_of_it(shop: Platform) -> None:
    person, new = await shop.customer(), f"new-{uuid4().hex[:12]}@example.com"
    asked = await person.post("/auth/email/change", {"email": new})
    assert asked.status_code == 202, asked.text
    part = (await arrived(shop, new, "Confirm your new e-mail address")).get_body(("plain",))
    assert part is not None
    code = re.search(r"^\s*(\d{6})\s*$", part.get_content(), re.MULTILINE)
    assert code is not None

    changed = await person.post("/auth/email/change/confirm", {"code": code[1]})

    assert changed.status_code == 200, changed.text
    assert (await person.data("/auth/me"))["email"] == new
    await arrived(shop, person.email, "The e-mail address of your account was changed")
