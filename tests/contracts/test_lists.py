"""Every list takes the same parameters: pages or a cursor, `search`, and `ordering` where it has pages."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contracts.gateway_document import Operation, gateway_document, operations_of

SHORT = ("page", "cursor")


@pytest.fixture(scope="module")
def lists() -> list[Operation]:
    """The operations that answer a page of something."""
    return [each for each in operations_of(gateway_document()) if set(SHORT) & set(_parameters(each))]


def test_there_are_lists_of_both_kinds(lists: list[Operation]) -> None:
    kinds = [kind for each in lists for kind in SHORT if kind in _parameters(each)]
    assert (kinds.count("page") > 8, kinds.count("cursor") > 7) == (True, True)


def test_every_list_can_be_searched(lists: list[Operation]) -> None:
    assert [str(each) for each in lists if "search" not in _parameters(each)] == []


def test_every_list_with_pages_can_be_ordered_in_both_directions(lists: list[Operation]) -> None:
    paged = [each for each in lists if "page" in _parameters(each)]
    assert [str(each) for each in paged if "ordering" not in _parameters(each)] == []
    for each in paged:
        names = _parameters(each)["ordering"]["schema"]["enum"]
        assert {name.removeprefix("-") for name in names} == {name for name in names if not name.startswith("-")}
        assert len(names) == 2 * len({name.removeprefix("-") for name in names}), each


def test_a_period_begins_ends_and_counts_in_a_zone(lists: list[Operation]) -> None:
    periods = [each for each in lists if {"from", "to"} & set(_parameters(each))]
    assert len(periods) > 7
    for each in periods:
        parameters = _parameters(each)
        assert {"from", "to", "timezone"} <= set(parameters), each
        for name in ("from", "to"):
            assert [kind["format"] for kind in parameters[name]["schema"]["anyOf"]] == ["date", "date-time"], each


def _parameters(operation: Operation) -> dict[str, Any]:
    return dict(_named(operation))


def _named(operation: Operation) -> Iterator[tuple[str, Any]]:
    for parameter in operation.spec.get("parameters", ()):
        yield parameter["name"], parameter
