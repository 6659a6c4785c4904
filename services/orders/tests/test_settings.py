"""The environment of orders."""

import pytest

from orders.settings import Settings


def test_a_renamed_variable_is_an_error_that_names_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUKAN_MOST_PENDING", "10")
    with pytest.raises(ValueError, match="DUKAN_MOST_PENDING is now DUKAN_MAX_PENDING_CHECKOUTS"):
        Settings()
