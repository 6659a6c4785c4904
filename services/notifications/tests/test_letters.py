"""What letters look like, and what nobody can smuggle into them."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from common.ids import new_id
from common.money import Money
from common.security.encryption import Seal
from notifications.domain.amounts import spoken
from notifications.domain.mail import Mail
from notifications.letters import UnwritableError, Writer, one_line

from .conftest import part

SEAL = Seal("of these tests")
PRICE = {"amount": 250000, "currency": "TZS"}


def write(template: str = "welcome", **changes: Any) -> EmailMessage:
    letter = Writer("Dukan <shop@dukan.example>", SEAL).write(mail_of(template, **changes))
    return message_from_bytes(letter.content, policy=policy.default)


def mail_of(template: str, **changes: Any) -> Mail:
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
    return Mail(**(standard | changes))


def bought(title: str, number: str = "1001") -> EmailMessage:
    line = {"title": title, "quantity": 1, "unit_price": PRICE, "line_total": PRICE}
    return write("order_confirmed", data={"number": number, "lines": [line], "total": PRICE})


def test_markup_in_a_product_or_a_name_is_text_in_the_html() -> None:
    page = part(bought("<script>alert(1)</script> & more"), "html")
    greeting = part(write(first_name="<img src=x>"), "html")

    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page
    assert "<script" not in page
    assert "<img" not in greeting


def test_the_text_part_shows_what_was_bought_as_it_is_called() -> None:
    assert "1 x Mugs & <Cups>: TZS 2,500.00" in part(bought("Mugs & <Cups>"), "plain")


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\r", "\x0b", "\u2028", "\x85", "\x00"])
def test_a_line_break_in_a_subject_makes_no_header(separator: str) -> None:
    letter = bought("Mug", number=f"1001{separator}Bcc: all@example.com")

    assert letter["Subject"] == "Order 1001 Bcc: all@example.com is confirmed"
    assert letter["Bcc"] is None
    assert b"\nBcc:" not in letter.as_bytes().split(b"\r\n\r\n", 1)[0]


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
def test_a_letter_goes_to_exactly_one_address_or_is_not_written(recipient: str) -> None:
    with pytest.raises(UnwritableError):
        write(recipient=recipient)


def test_a_quoted_address_is_an_address_too() -> None:
    assert write(recipient='"asha juma"@example.com')["To"] == '"asha juma"@example.com'


@pytest.mark.parametrize("word", ["wonderful ", "ajabu – ☕ "])
def test_a_long_subject_arrives_whole_in_lines_of_a_lawful_length(word: str) -> None:
    mail = mail_of("order_cancelled", data={"number": word * 15, "because": "of rain"})
    content = Writer("Dukan <shop@dukan.example>", SEAL).write(mail).content

    assert message_from_bytes(content, policy=policy.default)["Subject"] == one_line(f"Order {word * 15} was cancelled")
    assert max(map(len, content.split(b"\r\n"))) <= 78


def test_a_letter_written_again_is_the_same_to_the_byte() -> None:
    mail, writer = mail_of("welcome"), Writer("Dukan <shop@dukan.example>", SEAL)

    assert writer.write(mail) == writer.write(mail)


def test_a_senders_name_beyond_ascii_arrives_as_it_was_written() -> None:
    content = Writer("Dükan ☕ <shop@dukan.example>", SEAL).write(mail_of("welcome")).content

    assert message_from_bytes(content, policy=policy.default)["From"] == "Dükan ☕ <shop@dukan.example>"


def test_letters_beyond_ascii_arrive_as_they_were_written() -> None:
    letter = bought("Kikombe cha kahawa – ☕", number="№ 7")

    assert letter["Subject"] == "Order № 7 is confirmed"
    assert "1 x Kikombe cha kahawa – ☕: TZS 2,500.00" in part(letter, "plain")
    assert "1 × Kikombe cha kahawa – ☕" in part(letter, "html")


def test_a_letter_keeps_its_message_id_at_every_attempt() -> None:
    mail_id = new_id()
    first, second = write(id=mail_id), write(id=mail_id, attempt=2)

    assert first["Message-ID"] == second["Message-ID"] == f"<{mail_id}@dukan.example>"


@pytest.mark.parametrize("language", ["sw-TZ", "", "../../secrets", "EN"])
def test_a_language_without_a_translation_is_written_in_english(language: str) -> None:
    assert write(language=language)["Subject"] == "Welcome to Dukan"


def test_data_that_its_template_lacks_is_an_error_and_not_a_gap() -> None:
    with pytest.raises(UnwritableError, match="number"):
        write("order_shipped", data={})


@pytest.mark.parametrize("template", ["confirm_email", "reset_password"])
def test_a_code_and_its_link_are_opened_for_the_letter_of_their_person_only(template: str) -> None:
    user, link = new_id(), "https://shop.example/confirm?token=abc"
    sealed = SEAL.close({"code": "123456", "link": link}, f"{template}/{user}")
    letter = write(template, user_id=user, data={"sealed": sealed})
    assert all("123456" in part(letter, kind) and link in part(letter, kind) for kind in ("plain", "html"))
    with pytest.raises(UnwritableError, match="Unseal"):
        write(template, user_id=new_id(), data={"sealed": sealed})


def test_a_letter_without_a_code_offers_its_link() -> None:
    user, link = new_id(), "https://shop.example/reset?token=abc"
    letter = write(
        "reset_password",
        user_id=user,
        data={"sealed": SEAL.close({"code": None, "link": link}, f"reset_password/{user}")},
    )
    assert link in part(letter, "plain")
    assert not re.search("code is|None", part(letter, "plain") + part(letter, "html"))


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (250000, "TZS", "TZS 2,500.00"),
        (5, "USD", "USD 0.05"),
        (1250000, "UGX", "UGX 1,250,000"),
        (1234567, "KWD", "KWD 1,234.567"),
        (-150, "EUR", "EUR -1.50"),
    ],
)
def test_money_is_spoken_with_the_decimals_of_its_currency(amount: int, currency: str, text: str) -> None:
    assert spoken(Money(amount=amount, currency=currency)) == text
