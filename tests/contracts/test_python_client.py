"""A Python client can be generated from the published interface, without a warning, and reads its examples."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from tests.contracts.gateway_document import Document, Operation, gateway_document, operations_of
from tests.e2e.bodies import example

PACKAGE = "generated_dukan_client"
TWO_BODIES = "catalog.post_import"
"""For a required body of two media types, openapi-python-client 0.29.1 writes a function that uses a name which it
does not import."""


@pytest.fixture(scope="module")
def document() -> Document:
    return gateway_document()


@pytest.fixture(scope="module")
def client(document: Document, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the generated package, which can be imported."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_text(json.dumps(document))
    # The formatters that it runs by default only cost time.
    (folder / "settings.yaml").write_text("post_hooks: []\n")
    command = [str(Path(sys.executable).with_name("openapi-python-client")), "generate", "--path=openapi.json"]
    command += ["--fail-on-warning", "--meta=none", "--config=settings.yaml", f"--output-path={PACKAGE}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield folder / PACKAGE
    sys.path.remove(str(folder))


def name_of(operation: Operation) -> str:
    return f"{PACKAGE}.api.{operation.spec['tags'][0]}.{operation.spec['operationId'].replace('.', '_')}"


def importable(document: Document) -> Iterator[tuple[Operation, ModuleType]]:
    for operation in operations_of(document):
        if operation.spec["operationId"] != TWO_BODIES:
            yield operation, importlib.import_module(name_of(operation))


def json_responses(operation: Operation) -> Iterator[tuple[int, Any]]:
    """Status and schema of each success."""
    for status, response in operation.spec["responses"].items():
        content = response.get("content", {}).get("application/json", {})
        if status.startswith("2") and content.get("schema"):
            yield int(status), content["schema"]


def shape(value: Any) -> Any:
    """Names of fields and lengths of lists; a client writes times in another way than it reads them."""
    if isinstance(value, dict):
        return {name: shape(field) for name, field in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else None


def test_the_client_has_a_function_for_every_operation(document: Document, client: Path) -> None:
    made = {f"{PACKAGE}.api.{path.parent.name}.{path.stem}" for path in client.glob("api/*/*.py")}
    assert {name_of(operation) for operation in operations_of(document)} <= made
    for operation, module in importable(document):
        assert callable(module.sync_detailed), operation


def test_a_known_fault_of_the_generator_is_still_there(document: Document, client: Path) -> None:
    [operation] = [each for each in operations_of(document) if each.spec["operationId"] == TWO_BODIES]
    with pytest.raises(NameError, match="Unset"):
        importlib.import_module(name_of(operation))


def test_the_client_reads_every_response(document: Document, client: Path) -> None:
    caller = importlib.import_module(PACKAGE).Client(base_url="http://127.0.0.1", raise_on_unexpected_status=True)
    for operation, module in importable(document):
        for status, schema in json_responses(operation):
            sent = example(document, schema)
            read = module._parse_response(client=caller, response=httpx.Response(status, json=sent))
            assert shape(read.to_dict()) == shape(sent), operation
