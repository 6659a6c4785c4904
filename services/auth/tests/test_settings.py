import pytest
from pydantic import ValidationError

from auth.settings import Settings


def test_production_requires_its_own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    given = dict.fromkeys(("database_url", "amqp_url", "issuer", "audience", "auth_url"), "x")
    given["mail_secret"] = given["media_secret"] = "m" * 32
    given["trusted_proxies"] = "10.0.0.0/8"
    for secret, complaint in (
        ({}, "DUKAN_KEY_SECRET"),
        ({"key_secret": "short"}, "DUKAN_KEY_SECRET needs at least 32 characters"),
        ({"key_secret": "s" * 32, "mail_secret": "short"}, "DUKAN_MAIL_SECRET needs at least 32 characters"),
        ({"key_secret": "s" * 32, "media_secret": "short"}, "DUKAN_MEDIA_SECRET needs at least 32 characters"),
        ({"key_secret": "s" * 32, "trusted_proxies": None}, "DUKAN_TRUSTED_PROXIES"),
        ({"key_secret": "s" * 32, "trusted_proxies": "0.0.0.0/0"}, "any address"),
    ):
        with pytest.raises(ValidationError, match=complaint):
            Settings.model_validate({"mode": "production", **given, **secret})
    settings = Settings.model_validate({"mode": "production", "key_secret": "s" * 32} | given)
    assert settings.reveals_account_existence is False
    monkeypatch.setenv("DUKAN_TRUSTED_PROXIES", "10.0.0.0/8, 192.168.1.7")
    assert [str(network) for network in Settings().trusted_proxies or ()] == ["10.0.0.0/8", "192.168.1.7/32"]
