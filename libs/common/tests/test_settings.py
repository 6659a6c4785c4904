"""A missing variable is an error at startup that names it; secrets are not printed."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import ValidationError

from common.settings import ServiceSettings

GIVEN = {
    "DUKAN_MODE": "production",
    "DUKAN_DATABASE_URL": "postgresql://shop:hush@db/shop",
    "DUKAN_AMQP_URL": "amqp://shop:hush@broker/",
    "DUKAN_ISSUER": "https://shop.example",
    "DUKAN_AUDIENCE": "shop",
    "DUKAN_AUTH_URL": "http://auth:8001",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.chdir(tmp_path)
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize("variable", [name for name in GIVEN if name != "DUKAN_MODE"])
@pytest.mark.parametrize("value", [None, ""])
def test_production_names_each_missing_variable(
    environment: pytest.MonkeyPatch, variable: str, value: str | None
) -> None:
    environment.setenv(variable, "") if value == "" else environment.delenv(variable)
    with pytest.raises(ValidationError, match=f"production needs {variable}"):
        ServiceSettings()


def test_production_starts_with_everything_given(environment: pytest.MonkeyPatch) -> None:
    settings = ServiceSettings()
    assert settings.jwks_url == "http://auth:8001/api/v1/.well-known/jwks.json"
    assert "hush" not in repr(settings)


def test_local_mode_requires_no_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)
    assert not ServiceSettings().is_production


class Renamed(ServiceSettings):
    renamed: ClassVar[Mapping[str, str]] = {"DUKAN_OLD_LIMIT": "DUKAN_NEW_LIMIT"}


@pytest.mark.parametrize("name", ["DUKAN_OLD_LIMIT", "dukan_old_limit"])
def test_a_renamed_variable_is_an_error_in_the_environment(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(name, "1")
    with pytest.raises(ValidationError, match="DUKAN_OLD_LIMIT is now DUKAN_NEW_LIMIT"):
        Renamed()


@pytest.mark.parametrize("name", ["DUKAN_OLD_LIMIT", "dukan_old_limit"])
def test_a_renamed_variable_is_an_error_in_the_env_file(
    environment: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    (tmp_path / ".env").write_text(f"{name}=1\n")
    with pytest.raises(ValidationError, match="DUKAN_OLD_LIMIT is now DUKAN_NEW_LIMIT"):
        Renamed()
