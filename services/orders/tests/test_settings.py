"""The environment of orders."""

import pytest

from orders.settings import Settings


def test_a_renamed_variable_is_an_error_that_names_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUKAN_MOST_PENDING", "10")
    with pytest.raises(ValueError, match="DUKAN_MOST_PENDING is now DUKAN_MAX_PENDING_CHECKOUTS"):
        Settings()


def test_a_currency_that_does_not_exist_is_rejected_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUKAN_CURRENCY", "XXQ")
    with pytest.raises(ValueError, match="XXQ is not a currency of ISO 4217"):
        Settings()
