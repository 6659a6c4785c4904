"""`pytest tests/contracts --renew-golden` rewrites the golden schemas, if that breaks no consumer."""

import json
from pathlib import Path
from typing import Any

import pytest

from common.contracts.all_events import schemas
from tests.contracts.compatibility import breaks

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew-golden", action="store_true", help="write tests/contracts/golden anew")


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    """Wire type → the schema that was published to consumers."""
    promised = {file.name.removesuffix(".json"): json.loads(file.read_text()) for file in GOLDEN.glob("*.json")}
    if request.config.getoption("--renew-golden", default=False):
        for event_type, schema in schemas().items():
            if not breaks(promised.get(event_type, schema), schema):
                (GOLDEN / f"{event_type}.json").write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
                promised[event_type] = schema
    return promised
