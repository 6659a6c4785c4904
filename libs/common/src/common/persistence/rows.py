"""Rows for set-based SQL."""

from collections.abc import Iterable, Sequence
from typing import Any


def columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Rows as the column arrays that `unnest($1::uuid[], $2::text[], …)` takes; no columns without rows.

    Raises ValueError if the rows differ in length.
    """
    return [list(column) for column in zip(*rows, strict=True)]
