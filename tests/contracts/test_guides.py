"""README and guides name only operations, settings, metrics and commands that exist."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from common import metrics
from common.settings import ServiceSettings
from dukan.main import commands
from dukan.services import SERVICES
from tests.contracts.gateway_document import gateway_document, operations_of

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md")), *ROOT.glob("services/*/README.md")]
PAGES += [ROOT / "gateway" / "README.md", ROOT / "cli" / "README.md"]
GATEWAY_PAGES = {"/", "/health", "/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs", "/redoc"}
GATEWAY_PAGES |= {"/asyncapi", "/asyncapi.json"}
# Read by the command, the images and the tests, not by a service.
NOT_A_FIELD = {"DUKAN_HOME", "DUKAN_SERVICE", "DUKAN_TEST_DATA", "DUKAN_TEST_POSTGRES_URL"}
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def named_operations(text: str) -> Iterator[str]:
    for method, path in re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) (/(?:{[^}]*}|[A-Za-z0-9_./-])*)", text):
        yield f"{method} {re.sub('{[^}]*}', '{}', path.rstrip('./')).removeprefix('/api/v1') or '/'}"


@pytest.fixture(scope="module")
def operations() -> set[str]:
    published = operations_of(gateway_document())
    return {next(named_operations(f"{each.method.upper()} {each.path}")) for each in published}


@pages
def test_operations_exist(page: Path, operations: set[str]) -> None:
    known = operations | {f"GET {path}" for path in GATEWAY_PAGES}
    named = {each for each in named_operations(page.read_text()) if not each.partition(" ")[2].startswith("/internal")}
    assert sorted(named - known) == []


@pages
def test_settings_exist(page: Path) -> None:
    members: list[type[ServiceSettings]] = [
        importlib.import_module(f"{name}.settings").Settings for name in (*SERVICES, "gateway")
    ]
    known = NOT_A_FIELD | {f"DUKAN_{field.upper()}" for settings in members for field in settings.model_fields}
    # DUKAN_SMTP_ and DUKAN_KEEP_…_DAYS stand for several.
    named = set(re.findall(r"\bDUKAN_[A-Z0-9_]+[A-Z0-9](?![A-Z0-9_…])", page.read_text()))
    assert sorted(named - known) == []


@pages
def test_metrics_exist(page: Path) -> None:
    source = Path(str(metrics.__file__)).read_text()
    named = set(re.findall(r"`(dukan_[a-z0-9_]+)", page.read_text())) - {"dukan_csrf"}
    databases = {f"dukan_{service}" for service in SERVICES}
    assert [name for name in sorted(named - databases) if f'"{name.removesuffix("_total")}' not in source] == []


@pages
def test_commands_exist(page: Path) -> None:
    known = get_command(commands)
    assert hasattr(known, "commands")
    named = set(re.findall(r"(?:`|\n|\./)dukan ([a-z][a-z-]*)", page.read_text()))
    assert sorted(named - set(known.commands)) == []
