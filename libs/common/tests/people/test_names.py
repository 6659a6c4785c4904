"""One rule for names of people."""

import pytest

from common.people.errors import RuleError
from common.people.names import check_name

NAMES = [
    "Neema Mushi",
    "O'Brien",
    "D\u2019Angelo",
    "O\u02bbahu",
    "Anne-Marie",
    "علی\u200cرضا",
    "শ্র\u200dী",
    "श्री राम",
    "Nguyễn Thị Ánh",
    "山田\u3000太郎",
    "Jos\u00e9\u00a0Luis",
    "ʻOkina \U00010330",
    "محمد \u200f(2)",
    "X Æ A-12",
    "",
]

FORBIDDEN = [
    "Ne\x00ema",
    "Ne\nema",
    "Ne\tema",
    "Ne\x1b[31mema",
    "Ne\x7fema",
    "Ne\x85ema",
    "Ne\u202eema",
    "Ne\u202dema",
    "Ne\u2066ema\u2069",
    "Ne\u2028ema",
    "Ne\ud800ema",
    "\u200d",
    "\u200b\ufeff",
    "\u0301",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_script_is_kept(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", FORBIDDEN)
def test_control_characters_and_invisible_names_are_refused(name: str) -> None:
    with pytest.raises(RuleError) as refusal:
        check_name(name)
    assert refusal.value.code == "invalid_name"


def test_a_name_has_one_spelling() -> None:
    assert check_name("Jose\u0301") == "Jos\u00e9"
