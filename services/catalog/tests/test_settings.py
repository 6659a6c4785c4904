import pytest
from pydantic import ValidationError

from catalog.settings import Settings


def test_production_needs_a_media_secret_of_32_characters() -> None:
    given = dict.fromkeys(("database_url", "amqp_url", "issuer", "audience", "auth_url"), "x") | {"mode": "production"}
    for secret in ({}, {"media_secret": "short"}):
        with pytest.raises(ValidationError, match="DUKAN_MEDIA_SECRET"):
            Settings.model_validate(given | secret)
    Settings.model_validate(given | {"media_secret": "s" * 32})


@pytest.mark.parametrize("code", ["XXQ", "tzs", "NET", "XAU", ""])
def test_a_currency_that_does_not_exist_is_rejected_at_start(code: str) -> None:
    with pytest.raises(ValidationError, match="not a currency of ISO 4217"):
        Settings.model_validate({"currency": code})
