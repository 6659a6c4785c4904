"""One form of an e-mail address."""

import pytest

from common.people.emails import login_name, normalised_email, search_spelling, wire_address
from common.people.errors import RuleError

SAME: list[tuple[str, str]] = [
    ("neema@example.com", "  Neema@EXAMPLE.com "),
    ("neema@bücher.example", "neema@xn--bcher-kva.example"),
    ("neema@bücher.example", "NEEMA@XN--BCHER-KVA.Example"),
    ("neema@bücher.example", "neema@BU\u0308CHER.example"),
    ("neema@στίγμα.example", "neema@ΣΤΊΓΜΑ.example"),
    ("neema@straße.example", "neema@xn--strae-oqa.example"),
    ("neema@परीक्षा.example", "neema@xn--11b5bs3a9aj6g.example"),
    ("neema@例え.example", "neema@xn--r8jz45g.example"),
    ("neema+shop@mail.bücher.example", "neema+shop@MAIL.Bücher.example"),
]

DIFFERENT: list[tuple[str, str]] = [
    ("neema@strasse.example", "neema@straße.example"),
    ("neema@istanbul.example", "neema@ıstanbul.example"),
    ("neema@paypal.example", "neema@p\u0430ypal.example"),
    ("neema+a@example.com", "neema+b@example.com"),
    ("ne.ema@example.com", "neema@example.com"),
]

UNREACHABLE = [
    "müller@example.com",
    "n\u0435ema@example.com",
    "mıke@example.com",
    "mi\u212ae@example.com",
    "ｎeema@example.com",
    "straße@example.com",
    "neema\u200b@example.com",
    "neema",
    "neema@",
    "@example.com",
    "neema@localhost",
    "neema@test",
    "neema@shop.local",
    "neema@shop.invalid",
    "neema@shop.onion",
    "neema@127.0.0.1",
    "neema@[127.0.0.1]",
    '"neema mushi"@example.com',
    "Neema <neema@example.com>",
    "neema@example.com, juma@example.com",
    "neema..mushi@example.com",
    "neema@-shop.example",
    "neema@shop..example",
    "neema@xn--a.example",
    "n" * 65 + "@example.com",
    "neema@" + "ü" * 60 + ".example",
    "neema@example.com\r\nBcc: juma@example.com",
]

LOOK_ALIKES = [
    "neema@ｅxample.com",
    "neema@example。com",
    "neema@exam\u00adple.com",
    "neema@exam\u200bple.com",
    "neema@\u212aanga.example",
    "neema@o\ufb03ce.example",
    "neema@example\u2024com",
    "neema@ᵉxample.com",
]


@pytest.mark.parametrize(("stored", "written"), SAME)
def test_the_spellings_of_one_address_have_one_form(stored: str, written: str) -> None:
    assert normalised_email(written) == normalised_email(stored) == login_name(written) == stored


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_addresses_of_two_mailboxes_stay_two(one: str, other: str) -> None:
    assert normalised_email(one) != normalised_email(other)
    assert login_name(one) != login_name(other)


@pytest.mark.parametrize("text", UNREACHABLE)
def test_an_address_that_no_mail_can_reach_is_refused(text: str) -> None:
    with pytest.raises(RuleError) as refusal:
        normalised_email(text)
    assert refusal.value.code == "invalid_email"


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_a_domain_in_look_alike_characters_is_refused_and_signs_in_to_nothing(text: str) -> None:
    with pytest.raises(RuleError):
        normalised_email(text)
    plain = ("neema@example.com", "neema@kanga.example", "neema@office.example", "neema@exam.ple.com")
    assert login_name(text) not in plain


@pytest.mark.parametrize("text", ["mi\u212ae@example.com", "m\u0131ke@example.com", "ｍike@example.com", "\u212aike"])
def test_a_look_alike_signs_in_to_no_other_account(text: str) -> None:
    assert login_name(text) not in ("mike@example.com", "kike", "mike")


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        ("müller@exämple.com", "Müller@xn--exmple-cua.com"),
        ("müller@exämple.com", "Mu\u0308ller@EXÄMPLE.com"),
        ("owner@shop.local", "Owner@Shop.local"),
        ("neema.m", "Neema.M"),
    ],
)
def test_who_has_an_address_of_an_older_version_signs_in_with_it(stored: str, written: str) -> None:
    assert login_name(written) == stored


@pytest.mark.parametrize("address", [address for address, _ in SAME])
def test_the_wire_has_ascii_only(address: str) -> None:
    wire = wire_address(address)
    assert wire.isascii()
    assert normalised_email(wire) == address


@pytest.mark.parametrize("address", ["müller@example.com", "neema", "neema@a..ü"])
def test_an_address_without_an_ascii_form_has_no_wire_form(address: str) -> None:
    with pytest.raises(RuleError):
        wire_address(address)


def test_a_search_finds_a_domain_in_either_spelling() -> None:
    assert search_spelling("neema@XN--bcher-kva.example") == "neema@bücher.example"
    assert search_spelling("xn--bcher-kva") == "bücher"
    assert search_spelling("bücher") == "bücher"
    assert search_spelling("xn--\u00fc xn--") == "xn--\u00fc xn--"
