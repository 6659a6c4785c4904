"""`.env.example` and docker-compose.yml against the settings that the code reads."""

import importlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
MEMBERS = ("gateway", "auth", "catalog", "orders", "billing", "messaging", "notifications", "operations")
PASSED_TO_ALL = {
    "log_level",
    "drain_seconds",
    "drain_delay",
    "request_timeout",
    "database_pool_size",
    "otel_endpoint",
    "trace_sample_ratio",
}
EXAMPLE = (ROOT / ".env.example").read_text()
COMPOSE = (ROOT / "docker-compose.yml").read_text()
OBSERVABILITY = (ROOT / "deploy" / "observability" / "compose.yml").read_text()


def settings_of(member: str) -> type[ServiceSettings]:
    found: type[ServiceSettings] = importlib.import_module(f"{member}.settings").Settings
    return found


def variables(settings: type[ServiceSettings]) -> dict[str, str]:
    """Environment variable → field."""
    fields = settings.model_fields
    return {str(info.validation_alias or f"DUKAN_{name.upper()}"): name for name, info in fields.items()}


def documented() -> list[tuple[str, str, bool]]:
    """Name, value and whether the line is commented out."""
    found = re.findall(r"^(# )?([A-Z][A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE)
    return [(name, value, bool(mark)) for mark, name, value in found]


def test_every_variable_is_documented_exactly_once() -> None:
    read = {name for member in MEMBERS for name in variables(settings_of(member))}
    read |= set(re.findall(r"\$\{([A-Z_]+)", COMPOSE + OBSERVABILITY))
    counted = Counter(name for name, _, _ in documented())
    assert set(counted) == read
    assert [name for name, count in counted.items() if count > 1] == []


def test_a_documented_default_is_the_real_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    shown = [(name, value) for name, value, commented in documented() if commented and value]
    assert [name for name, value in shown if (owners := _owners(name)) and not _is_default(owners, name, value)] == []


def _owners(name: str) -> list[type[ServiceSettings]]:
    return [settings for settings in map(settings_of, MEMBERS) if name in variables(settings)]


def _is_default(owners: list[type[ServiceSettings]], name: str, value: str) -> bool:
    return any(_read(owner, name, value) == _default(owner, name) for owner in owners)


def _read(settings: type[ServiceSettings], name: str, value: str) -> Any:
    read = getattr(settings.model_validate({variables(settings)[name]: value}), variables(settings)[name])
    return pytest.approx(read, rel=1e-3) if isinstance(read, float) else read


def _default(settings: type[ServiceSettings], name: str) -> Any:
    return settings.model_fields[variables(settings)[name]].default


def test_no_secret_has_a_value() -> None:
    assert [name for name, value, _ in documented() if re.search("PASSWORD|SECRET", name) and value] == []


@pytest.mark.parametrize("member", MEMBERS)
def test_compose_passes_each_service_exactly_its_variables(member: str) -> None:
    settings = settings_of(member)
    given = set(yaml.safe_load(COMPOSE)["services"][member]["environment"])
    own = set(settings.__annotations__) - set(ServiceSettings.__annotations__) | PASSED_TO_ALL
    names = variables(settings)
    assert {name for name, field in names.items() if field in own} - given == set()
    assert given - set(names) == set()


@pytest.mark.parametrize("member", MEMBERS)
def test_compose_passes_the_variables_that_production_requires(member: str) -> None:
    given = yaml.safe_load(COMPOSE)["services"][member]["environment"]
    required = {f"DUKAN_{field.upper()}" for field in settings_of(member).required_in_production}
    assert {name for name in required if not given.get(name)} == set()
    assert given["DUKAN_MODE"] == "production"
