"""Telephone numbers by the plans of their countries."""

import pytest

from common.people.errors import RuleError
from common.people.phones import check_region, is_e164, normalised_phone

NUMBERS: list[tuple[str, str]] = [
    ("+255 (0)712-345-678", "+255712345678"),
    ("+2550712345678", "+255712345678"),
    ("+44 (0)20 7946 0958", "+442079460958"),
    ("+49 (0)30 901820", "+4930901820"),
    ("+36 (06) 20 123 4567", "+36201234567"),
    ("+39 06 698 12345", "+390669812345"),
    ("+225 07 12 34 56 78", "+2250712345678"),
    ("+1 (555) 123-4567", "+15551234567"),
    ("+255.712.345.678", "+255712345678"),
    ("+٢٥٥٧١٢٣٤٥٦٧٨", "+255712345678"),
    ("＋２５５７１２３４５６７８", "+255712345678"),
    ("\u202a+255\u00a0712\u00a0345\u00a0678\u202c", "+255712345678"),
]

REFUSED = [
    "",
    "0712",
    "0712345678",
    "00255712345678",
    "+25571234567",
    "+2557123456789",
    "+255000000000",
    "+999123456789",
    "+1 555 0100",
    "+255 71 CALLNOW",
    "+255712345678 ext. 5",
    "+255712345678;ext=5",
    "+255712345678#5",
    "+255+712345678",
    "tel",
    "+",
    "+255712345678\n",
    "+255\t712345678",
    "+255712345678\x00",
]


@pytest.mark.parametrize(("written", "number"), NUMBERS)
def test_a_number_is_stored_in_e164_without_its_trunk_zero(written: str, number: str) -> None:
    assert normalised_phone(written) == number == normalised_phone(number)
    assert is_e164(number)


@pytest.mark.parametrize("written", REFUSED)
def test_what_cannot_be_dialled_is_refused_in_one_wording(written: str) -> None:
    with pytest.raises(RuleError, match="A phone number is in international form") as refusal:
        normalised_phone(written)
    assert refusal.value.code == "invalid_phone"


@pytest.mark.parametrize(
    ("region", "written", "number"),
    [
        ("TZ", "0712 345 678", "+255712345678"),
        ("KE", "0712 345 678", "+254712345678"),
        ("DE", "030 901820", "+4930901820"),
    ],
)
def test_a_national_number_is_read_in_the_region(region: str, written: str, number: str) -> None:
    assert normalised_phone(written, check_region(region)) == number
    assert normalised_phone("+255 712 345 678", region) == "+255712345678"


@pytest.mark.parametrize("code", ["tz", "XX", "Tanzania"])
def test_a_region_is_a_country_with_telephone_numbers(code: str) -> None:
    with pytest.raises(ValueError, match=code):
        check_region(code)
