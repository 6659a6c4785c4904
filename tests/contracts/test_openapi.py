"""The published OpenAPI document is complete and consistent for every operation."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.contracts.gateway_document import Document, Operation, examples_of, gateway_document, operations_of

from common.openapi.errors import STATUS_ERRORS
from common.security.scopes import SCOPES

COMPONENT = "#/components/"
PICTURES = "image/"
LONGEST_SUMMARY = 60
ROOT = Path(__file__).parents[2]
SOURCES = ("libs/common/src/**/*.py", "services/*/src/**/*.py", "gateway/src/**/*.py")
TELLING = {"refused.py", "refusals.py"}


@pytest.fixture(scope="module")
def document() -> Document:
    return gateway_document()


@pytest.fixture(scope="module")
def operations(document: Document) -> list[Operation]:
    return operations_of(document)


def test_every_operation_has_a_summary_a_description_and_its_service_as_tag(
    document: Document, operations: list[Operation]
) -> None:
    services = {tag["name"] for tag in document["tags"] if tag["description"]}
    for operation in operations:
        name = operation.said["operationId"].partition(".")[2]
        assert 0 < len(operation.said["summary"]) <= LONGEST_SUMMARY, operation
        assert operation.said["summary"] != name.replace("_", " ").title(), f"{operation} needs a summary"
        assert operation.said["description"], operation
        [service] = operation.said["tags"]
        assert service in services


def test_operation_ids_are_unique_and_begin_with_the_service(operations: list[Operation]) -> None:
    ids = Counter(operation.said["operationId"] for operation in operations)
    assert [name for name, times in ids.items() if times > 1] == []
    assert [name for name in ids if not re.fullmatch(r"[a-z]+\.[a-z][a-z0-9_]*", name)] == []


def test_every_operation_declares_its_credentials(document: Document, operations: list[Operation]) -> None:
    schemes = document["components"]["securitySchemes"].keys()
    for operation in operations:
        security = operation.said["security"]
        assert {scheme for listed in security for scheme in listed} <= schemes, operation
        assert {scope for listed in security for scope in listed.get("apiKey", ())} <= SCOPES.keys(), operation
        if security:
            wanted = {"cookie"} if operation.method == "get" else {"cookie", "csrf"}
            assert set(security[-1]) == wanted, operation


def test_every_operation_declares_a_success_and_the_shared_errors(
    document: Document, operations: list[Operation]
) -> None:
    shared = {str(status) for status in STATUS_ERRORS}
    for operation in operations:
        responses = operation.said["responses"]
        refused = {status for status in responses if status >= "400"}
        assert [status for status in responses if status.startswith("2")], operation
        assert {"400", "401", "429", "502", "503", "504"} <= refused <= shared, operation
        assert ("404" in refused) >= ("{" in operation.path), operation
        assert ({"413", "415", "422"} <= refused) >= ("requestBody" in operation.said), operation
        assert ("403" in refused) == bool(operation.said["security"]) or "403" in refused, operation
        for status in refused:
            assert "examples" in _answer(document, responses[status])["content"]["application/json"], operation


def test_a_code_that_is_documented_is_raised_somewhere(document: Document) -> None:
    files = (file for folder in SOURCES for file in ROOT.glob(folder) if file.name not in TELLING)
    sources = "".join(file.read_text() for file in files)
    documented = {example.value["code"] for example in examples_of(document) if _is_refusal(example.value)}
    assert "orders.illegal_transition" in documented
    assert [code for code in sorted(documented) if f'"{code}"' not in sources] == []


def test_every_response_declares_request_id_and_rate_limit_headers(
    document: Document, operations: list[Operation]
) -> None:
    for operation in operations:
        for status, response in operation.said["responses"].items():
            headers = _answer(document, response)["headers"].keys()
            assert {"X-Request-ID", "RateLimit", "RateLimit-Policy"} <= headers, (str(operation), status)
            assert ("Retry-After" in headers) == (status in {"429", "502", "503", "504"}), (str(operation), status)


def test_every_body_has_an_example(operations: list[Operation]) -> None:
    for operation in operations:
        answers = [response for status, response in operation.said["responses"].items() if status.startswith("2")]
        for body in [operation.said.get("requestBody", {}), *answers]:
            for kind, media in body.get("content", {}).items():
                assert kind.startswith(PICTURES) or "example" in media, (str(operation), kind)


def test_examples_conform_to_their_schemas(document: Document) -> None:
    examples = list(examples_of(document))
    assert len(examples) > 200
    wrong = [
        f"{example.place}: {error.json_path} {error.message}"
        for example in examples
        for error in _validator(document, example.schema).iter_errors(example.value)
    ]
    assert wrong == []


def test_parameters_are_described_never_null_and_match_their_paths(operations: list[Operation]) -> None:
    for operation in operations:
        parameters = operation.said.get("parameters", [])
        named = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", operation.path)), operation
        for parameter in parameters:
            assert parameter.get("description"), (str(operation), parameter["name"])
            assert {"type": "null"} not in parameter["schema"].get("anyOf", ()), (str(operation), parameter["name"])
            assert parameter["in"] != "path" or "example" in parameter, (str(operation), parameter["name"])


def test_every_reference_resolves_and_every_component_is_used(document: Document) -> None:
    components = document["components"]
    there = {f"{kind}/{name}" for kind in ("schemas", "responses", "examples", "headers") for name in components[kind]}
    assert set(_references(document)) == there


def test_every_schema_is_valid(document: Document) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def _is_refusal(value: Any) -> bool:
    return isinstance(value, dict) and value.get("status") == "error"


def _answer(document: Document, response: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in response:
        return response
    name = response["$ref"].removeprefix(f"{COMPONENT}responses/")
    answer: Mapping[str, Any] = document["components"]["responses"][name]
    return answer


def _validator(document: Document, schema: Mapping[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(
        {**schema, "components": document["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            yield reference.removeprefix(COMPONENT)
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
