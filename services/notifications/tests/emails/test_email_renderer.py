"""Rendered e-mails, and input that must not change their structure."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from services.notifications.tests.conftest import part

from common.ids import new_id
from common.security.encryption import Seal
from notifications.emails.domain import Email
from notifications.emails.providers.email_renderer import EmailRenderer, RenderError, one_line

SEAL = Seal("of these tests")
PRICE = {"amount": 250000, "currency": "TZS"}


def render(template: str = "welcome", **changes: Any) -> EmailMessage:
    email = EmailRenderer("Dukan <shop@dukan.example>", SEAL).render(email_of(template, **changes))
    return message_from_bytes(email.content, policy=policy.default)


def email_of(template: str, **changes: Any) -> Email:
    standard: dict[str, Any] = {
        "id": new_id(),
        "user_id": new_id(),
        "recipient": "asha@example.com",
        "first_name": "Asha",
        "language": "en",
        "template": template,
        "data": {},
        "attempt": 1,
        "created_at": datetime(2026, 3, 1, 12, tzinfo=UTC),
    }
    return Email(**(standard | changes))


def bought(title: str, number: str = "1001") -> EmailMessage:
    line = {"title": title, "quantity": 1, "unit_price": PRICE, "line_total": PRICE}
    return render("order_confirmed", data={"number": number, "lines": [line], "total": PRICE})


def test_markup_in_a_title_or_a_name_is_escaped_in_the_html() -> None:
    page = part(bought("<script>alert(1)</script> & more"), "html")
    greeting = part(render(first_name="<img src=x>"), "html")

    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page
    assert "<script" not in page
    assert "<img" not in greeting


def test_the_text_part_does_not_escape_titles() -> None:
    assert "1 x Mugs & <Cups>: TZS 2,500.00" in part(bought("Mugs & <Cups>"), "plain")


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\r", "\x0b", "\u2028", "\x85", "\x00"])
def test_a_line_break_in_a_subject_does_not_start_a_header(separator: str) -> None:
    email = bought("Mug", number=f"1001{separator}Bcc: all@example.com")

    assert email["Subject"] == "Order 1001 Bcc: all@example.com is confirmed"
    assert email["Bcc"] is None
    assert b"\nBcc:" not in email.as_bytes().split(b"\r\n\r\n", 1)[0]


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "asha",
        "asha@",
        "a..b@c.example",
        "a@b@c.example",
        "asha@example.com\n",
        "a@b.example, c@d.example",
        "a@b.example\nBcc: c@d.example",
    ],
)
def test_an_email_has_exactly_one_address_or_is_not_rendered(recipient: str) -> None:
    with pytest.raises(RenderError):
        render(recipient=recipient)


def test_a_quoted_address_is_valid() -> None:
    assert render(recipient='"asha juma"@example.com')["To"] == '"asha juma"@example.com'


@pytest.mark.parametrize("word", ["wonderful ", "ajabu – ☕ "])
def test_a_long_subject_is_folded_into_lines_of_a_valid_length(word: str) -> None:
    email = email_of("order_cancelled", data={"number": word * 15, "because": "of rain"})
    content = EmailRenderer("Dukan <shop@dukan.example>", SEAL).render(email).content

    assert message_from_bytes(content, policy=policy.default)["Subject"] == one_line(f"Order {word * 15} was cancelled")
    assert max(map(len, content.split(b"\r\n"))) <= 78


def test_an_email_rendered_again_has_the_same_bytes() -> None:
    email, renderer = email_of("welcome"), EmailRenderer("Dukan <shop@dukan.example>", SEAL)

    assert renderer.render(email) == renderer.render(email)


def test_a_senders_name_may_contain_any_character() -> None:
    content = EmailRenderer("Dükan ☕ <shop@dukan.example>", SEAL).render(email_of("welcome")).content

    assert message_from_bytes(content, policy=policy.default)["From"] == "Dükan ☕ <shop@dukan.example>"


@pytest.mark.parametrize(
    ("stored", "wire"),
    [
        ("neema@bücher.example", "neema@xn--bcher-kva.example"),
        ("neema@परीक्षा.example", "neema@xn--11b5bs3a9aj6g.example"),
        ("neema@straße.example", "neema@xn--strae-oqa.example"),
    ],
)
def test_an_internationalised_domain_is_in_ascii_on_the_wire(stored: str, wire: str) -> None:
    rendered = EmailRenderer(f"Dukan <{stored}>", SEAL).render(email_of("welcome", recipient=stored))

    assert (rendered.recipient, rendered.sender) == (wire, wire)
    headers = message_from_bytes(rendered.content, policy=policy.default)
    assert (headers["To"], headers["From"]) == (wire, f"Dukan <{wire}>")
    assert rendered.content.isascii()


def test_subject_and_text_may_contain_any_character() -> None:
    email = bought("Kikombe cha kahawa – ☕", number="№ 7")

    assert email["Subject"] == "Order № 7 is confirmed"
    assert "1 x Kikombe cha kahawa – ☕: TZS 2,500.00" in part(email, "plain")
    assert "1 × Kikombe cha kahawa – ☕" in part(email, "html")


def test_an_email_has_the_same_message_id_at_every_attempt() -> None:
    email_id = new_id()
    first, second = render(id=email_id), render(id=email_id, attempt=2)

    assert first["Message-ID"] == second["Message-ID"] == f"<{email_id}@dukan.example>"


@pytest.mark.parametrize("language", ["sw-TZ", "", "../../secrets", "EN"])
def test_a_language_without_templates_uses_english(language: str) -> None:
    assert render(language=language)["Subject"] == "Welcome to Dukan"


def test_missing_data_is_an_error() -> None:
    with pytest.raises(RenderError, match="number"):
        render("order_shipped", data={})


@pytest.mark.parametrize("template", ["confirm_email", "reset_password"])
def test_a_code_and_its_link_are_decrypted_for_their_person_only(template: str) -> None:
    user, link = new_id(), "https://shop.example/confirm?token=abc"
    sealed = SEAL.close({"code": "123456", "link": link}, f"{template}/{user}")
    email = render(template, user_id=user, data={"sealed": sealed})
    assert all("123456" in part(email, kind) and link in part(email, kind) for kind in ("plain", "html"))
    with pytest.raises(RenderError, match="Unseal"):
        render(template, user_id=new_id(), data={"sealed": sealed})


def test_an_email_without_a_code_offers_the_link() -> None:
    user, link = new_id(), "https://shop.example/reset?token=abc"
    email = render(
        "reset_password",
        user_id=user,
        data={"sealed": SEAL.close({"code": None, "link": link}, f"reset_password/{user}")},
    )
    assert link in part(email, "plain")
    assert not re.search("code is|None", part(email, "plain") + part(email, "html"))
