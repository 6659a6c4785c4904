"""The published OpenAPI document is complete and consistent for every operation."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft202012Validator

from common.openapi.errors import STATUS_ERRORS
from common.security.scopes import SCOPES
from tests.contracts.gateway_document import Document, Operation, examples_of, gateway_document, operations_of

COMPONENT = "#/components/"
MAX_SUMMARY = 60
FRAMEWORK_SCHEMAS = {"HTTPValidationError", "ValidationError"}
SELF_EXPLANATORY = ("enum", "const", "format", "$ref", "pattern", "contentMediaType")


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
        name = operation.spec["operationId"].partition(".")[2]
        assert 0 < len(operation.spec["summary"]) <= MAX_SUMMARY, operation
        assert operation.spec["summary"] != name.replace("_", " ").title(), f"{operation} needs a summary"
        assert operation.spec["description"], operation
        [service] = operation.spec["tags"]
        assert service in services


def test_the_title_of_a_schema_is_its_name(document: Document) -> None:
    schemas = document["components"]["schemas"]
    assert {name: schema["title"] for name, schema in schemas.items()} == {name: name for name in schemas}


def test_operation_ids_are_unique_and_begin_with_the_service(operations: list[Operation]) -> None:
    ids = Counter(operation.spec["operationId"] for operation in operations)
    assert [name for name, times in ids.items() if times > 1] == []
    assert [name for name in ids if not re.fullmatch(r"[a-z]+\.[a-z][a-z0-9_]*", name)] == []


def test_every_operation_declares_its_credentials(document: Document, operations: list[Operation]) -> None:
    schemes = document["components"]["securitySchemes"].keys()
    for operation in operations:
        security = operation.spec["security"]
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
        responses = operation.spec["responses"]
        errors = {status for status in responses if status >= "400"}
        assert [status for status in responses if status.startswith("2")], operation
        assert {"400", "401", "429", "502", "503", "504"} <= errors <= shared, operation
        assert ("404" in errors) >= ("{" in operation.path), operation
        assert ({"413", "415", "422"} <= errors) >= ("requestBody" in operation.spec), operation
        assert ("403" in errors) == bool(operation.spec["security"]) or "403" in errors, operation
        for status in errors:
            assert "examples" in _response(document, responses[status])["content"]["application/json"], operation


def test_every_response_declares_request_id_and_rate_limit_headers(
    document: Document, operations: list[Operation]
) -> None:
    for operation in operations:
        for status, response in operation.spec["responses"].items():
            headers = _response(document, response)["headers"].keys()
            assert {"X-Request-ID", "RateLimit", "RateLimit-Policy"} <= headers, (str(operation), status)
            assert ("Retry-After" in headers) == (status in {"429", "502", "503", "504"}), (str(operation), status)


def test_every_field_that_its_type_does_not_explain_has_an_example(document: Document) -> None:
    missing = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, declared in schema.get("properties", {}).items()
        if name not in FRAMEWORK_SCHEMAS and needs_example(declared)
    ]
    assert missing == []


def test_every_query_parameter_that_its_type_does_not_explain_has_an_example(operations: list[Operation]) -> None:
    missing = [
        f"{operation} {parameter['name']}"
        for operation in operations
        for parameter in operation.spec.get("parameters", ())
        if "example" not in parameter and needs_example(parameter["schema"])
    ]
    assert missing == []


def test_every_format_of_the_document_is_checked(document: Document) -> None:
    formats = set(re.findall(r'"format": "([^"]+)"', json.dumps(document)))
    assert formats
    assert formats <= FORMATS.checkers.keys() | UNCHECKED_FORMATS


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
        parameters = operation.spec.get("parameters", [])
        named = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", operation.path)), operation
        for parameter in parameters:
            assert parameter.get("description"), (str(operation), parameter["name"])
            assert {"type": "null"} not in parameter["schema"].get("anyOf", ()), (str(operation), parameter["name"])


def test_every_reference_resolves_and_every_component_is_used(document: Document) -> None:
    components = document["components"]
    there = {f"{kind}/{name}" for kind in ("schemas", "responses", "examples", "headers") for name in components[kind]}
    assert set(_references(document)) == there


def test_every_schema_is_valid(document: Document) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def needs_example(schema: Mapping[str, Any]) -> bool:
    """Whether the schema allows a string or number of which nothing but its type is known."""
    if "examples" in schema or any(key in schema for key in SELF_EXPLANATORY):
        return False
    if "anyOf" in schema:
        return any(needs_example(choice) for choice in schema["anyOf"])
    if schema.get("type") == "array":
        return needs_example(schema.get("items", {}))
    return schema.get("type") in ("string", "integer", "number")


def _response(document: Document, response: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in response:
        return response
    name = response["$ref"].removeprefix(f"{COMPONENT}responses/")
    shared: Mapping[str, Any] = document["components"]["responses"][name]
    return shared


FORMATS = Draft202012Validator.FORMAT_CHECKER
UNCHECKED_FORMATS = {"binary", "password"}


def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme)


FORMATS.checks("date-time", raises=ValueError)(_is_date_time)
FORMATS.checks("uri", raises=ValueError)(_is_uri)


def _validator(document: Document, schema: Mapping[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]}, format_checker=FORMATS)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            yield reference.removeprefix(COMPONENT)
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
