"""Countries and languages by the lists of ISO 3166-1, ISO 639 and ISO 15924."""

import pytest

from common.web.places import country_code, language_tag


@pytest.mark.parametrize(("given", "code"), [("TZ", "TZ"), ("tz", "TZ"), (" ke ", "KE"), ("AX", "AX"), ("SS", "SS")])
def test_a_country_is_its_code_in_capitals(given: str, code: str) -> None:
    assert country_code(given) == code


@pytest.mark.parametrize("wrong", ["QQ", "EU", "UK", "XX", "AN", "SU", "T", "", "ZZ", "12", "T\u200bZ", "ＴＺ"])
def test_what_is_no_country_is_rejected(wrong: str) -> None:
    with pytest.raises(ValueError, match="ISO 3166-1"):
        country_code(wrong)


@pytest.mark.parametrize(("name", "code"), [("Tanzania", "TZ"), ("KEN", "KE"), ("côte d'ivoire", "CI")])
def test_a_country_by_its_name_is_rejected_with_the_code_to_send(name: str, code: str) -> None:
    with pytest.raises(ValueError, match=f"is {code}$"):
        country_code(name)


@pytest.mark.parametrize(
    ("given", "tag"),
    [
        ("sw", "sw"),
        ("SW-tz", "sw-TZ"),
        ("swa", "sw"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("luo", "luo"),
        ("de-CH-1996", "de-CH-1996"),
        ("en-US-u-hc-h12", "en-US-u-hc-h12"),
        ("iw", "he"),
    ],
)
def test_a_language_is_its_shortest_tag_in_the_usual_case(given: str, tag: str) -> None:
    assert language_tag(given) == tag


@pytest.mark.parametrize("wrong", ["xx", "qqq", "english", "en_US", "en-QQ", "en-Qwer", "en-999", "", "en-", "s", "१२"])
def test_what_is_no_language_is_rejected(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"BCP 47|ISO|M\.49"):
        language_tag(wrong)
