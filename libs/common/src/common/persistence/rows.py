"""Rows for set-based SQL."""

from collections.abc import Iterable, Sequence
from typing import Any


def columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Rows as the column arrays that `unnest($1::uuid[], $2::text[], …)` takes; no columns without rows.

    Raises ValueError if the rows differ in length.
    """
    return [list(column) for column in zip(*rows, strict=True)]


def row_count(status: str) -> int:
    """The number of rows in the status of a command: 5 in `DELETE 5`, `UPDATE 5` or `INSERT 0 5`."""
    return int(status.rpartition(" ")[2])
