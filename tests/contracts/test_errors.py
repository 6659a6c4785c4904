"""Every error code has one class, is documented where it can be returned, and is returned somewhere."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import DukanError, NotFound
from dukan.docs import error_classes
from tests.contracts.gateway_document import Document, examples_of, gateway_document

ROOT = Path(__file__).parents[2]
SOURCES = ("libs/common/src", "services", "gateway/src")

# Bases, which a specific error extends; `raise NotFound` is fine, their codes are those of the status.
OUTSIDE_THE_API = {
    "not_ready": "of /health/ready, for probes",
    "degraded": "of /health, for people and monitors",
    "internal_error": "stands for a bug",
    "external_key_taken": "the problem of one row in the report of an import",
    "too_many_rows": "the error of the task of an import",
    "api_key_expired": "of the exchange of API keys, for the gateway, which relays it on any route",
    "api_key_address": "of the exchange of API keys, for the gateway, which relays it on any route",
    "daily_limit_reached": "of the exchange of API keys, for the gateway, which relays it on any route",
    "admin_email_taken": "ends the start of auth",
    "amount_not_payable": "the reason of a failed payment",
    "malformed_request": "before there is a path",
    "uri_too_long": "before there is a path",
    "method_not_allowed": "of methods that a path does not have",
    "method_not_implemented": "of methods that no path has",
    "form_incomplete": "on the HTML page of a link",
}
# The same code with another status: in the path or in the body, for a signed-in caller, for a changed or a used key.
SEVERAL_STATUSES = {
    ("auth", "api_key_revoked"): {(401, None), (409, None)},
    ("auth", "otp_required"): {(401, None), (422, "code")},
    ("catalog", "image_too_large"): {(413, "file"), (422, "file")},
    ("orders", "orders.unknown_address"): {(404, None), (422, "address_id")},
}


# These services began with a prefix, the others without: renaming either would break their clients.
PREFIXED = ("orders", "messaging", "operations")


@pytest.fixture(scope="module")
def classes() -> list[type[DukanError]]:
    return list(error_classes())


@pytest.fixture(scope="module")
def document() -> Document:
    return gateway_document()


def test_a_code_has_one_status_in_each_service(classes: list[type[DukanError]]) -> None:
    statuses: dict[tuple[str, str], set[tuple[int, str | None]]] = defaultdict(set)
    for error in classes:
        statuses[error.__module__.split(".", 1)[0], error.code].add((error.status, error.field))
    several = {code: found for code, found in statuses.items() if len({status for status, _ in found}) > 1}
    assert several == SEVERAL_STATUSES


def test_codes_have_the_prefix_of_their_service_or_none(classes: list[type[DukanError]]) -> None:
    """A code that several services, the gateway or common have has none: it means the same everywhere."""
    members: dict[str, set[str]] = defaultdict(set)
    for error in classes:
        members[error.code].add(error.__module__.split(".", 1)[0])
    wrong = [
        (code, of)
        for code, of in members.items()
        if (len(of) == 1 and next(iter(of)) in PREFIXED) != ("." in code)
        or ("." in code and {code.partition(".")[0]} != of)
    ]
    assert wrong == []


def test_not_found_has_one_text(classes: list[type[DukanError]]) -> None:
    """Of a path, of an id, of a feature that is off: clients that want to know more have the code."""
    absent = list(all_subclasses(NotFound))
    assert len(absent) > 10
    assert {error.message for error in absent} == {NotFound.message}
    assert [error for error in classes if error.status == NotFound.status and not issubclass(error, NotFound)] == []
    with pytest.raises(TypeError):
        NotFound("There is nothing here")  # type: ignore[call-arg]


def test_every_error_class_is_raised(classes: list[type[DukanError]]) -> None:
    used = set(names_used_outside_documentation())
    assert sorted(error.__name__ for error in classes if error.__name__ not in used) == []


def test_every_code_of_the_services_is_documented_in_the_openapi_document(
    classes: list[type[DukanError]], document: Document
) -> None:
    documented = {example.value["code"] for example in examples_of(document) if example.is_error}
    own = {error.code for error in classes if not error.__module__.startswith("gateway")}
    assert sorted(own - documented - OUTSIDE_THE_API.keys()) == []


def test_every_documented_code_has_an_error_class(classes: list[type[DukanError]], document: Document) -> None:
    documented = {example.value["code"] for example in examples_of(document) if example.is_error}
    assert sorted(documented - {error.code for error in classes}) == []


def names_used_outside_documentation() -> Iterator[str]:
    """Every name that the code uses, without imports and without the arguments of `errors(…)`."""
    for tree in _sources():
        yield from _names(tree)


def all_subclasses(error: type[DukanError]) -> Iterator[type[DukanError]]:
    for each in error.__subclasses__():
        yield each
        yield from all_subclasses(each)


def _sources() -> Iterator[ast.AST]:
    for folder in SOURCES:
        for file in (ROOT / folder).rglob("*.py"):
            if "tests" not in file.parts and "migrations" not in file.parts:
                yield ast.parse(file.read_text())


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "errors":
        return
    if isinstance(node, ast.Name):
        yield node.id
    if isinstance(node, ast.Attribute):
        yield node.attr
    for child in ast.iter_child_nodes(node):
        yield from _names(child)
