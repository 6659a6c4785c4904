"""One row of a file."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from catalog.imports.domain.cells import Problem


class SourceRow(NamedTuple):
    """One product of a file. `line` is the line of a CSV file or the position in a JSON list, from 1.

    A row that could not be read has a `problem` and no values. `attributes` are those that no single cell has.
    """

    line: int
    values: dict[str, Any]
    problem: Problem | None = None
    attributes: Mapping[str, list[str]] = MappingProxyType({})
