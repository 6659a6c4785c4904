"""Usernames, and those that are the shop's own."""

import pytest

from common.people.errors import RuleError
from common.people.usernames import check_own_username, check_username

RESERVED = "admin ADMIN Admin a.d.m.i.n ad_min adm1n 4dm1n root r00t support supp0rt m.e no-reply he1p null security"
FOREIGN = "ａｄｍｉｎ аdmin admın \u212aim ad\u200bmin a -neema a@b neema."


@pytest.mark.parametrize("username", RESERVED.split())
def test_a_reserved_username_and_its_look_alikes_are_for_staff_to_give(username: str) -> None:
    assert check_username(username) == username
    with pytest.raises(RuleError) as refusal:
        check_own_username(username)
    assert refusal.value.code == "username_reserved"


@pytest.mark.parametrize(
    "username", ["ａｄｍｉｎ", "аdmin", "admın", "\u212aim", "ad\u200bmin", "a", "-neema", "a b", "a@b"]
)
def test_letters_of_other_scripts_make_no_username(username: str) -> None:
    with pytest.raises(RuleError) as refusal:
        check_own_username(username)
    assert refusal.value.code == "invalid_username"


@pytest.mark.parametrize("username", ["Ali", "neema", "juma.hassan", "adminah", "rooted", "theo", "j0hn", "msupport7"])
def test_names_that_merely_contain_a_reserved_word_are_free(username: str) -> None:
    assert check_own_username(username) == username
