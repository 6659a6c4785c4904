"""Cursors of this service's feeds: the id of the last row shown."""

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from common.errors import Invalid
from common.web.pagination import CursorRequest, cursor_meta


class Row(Protocol):
    id: UUID


def position(cursor: CursorRequest) -> UUID | None:
    """Where the page begins; Invalid for a cursor that we did not give."""
    try:
        return UUID(cursor.cursor) if cursor.cursor else None
    except ValueError as error:
        raise Invalid("This is no cursor of ours", code="invalid_cursor", field="cursor") from error


def meta_of(rows: Sequence[Row], limit: int) -> dict[str, Any]:
    """A full page may have a successor; a shorter one is the last."""
    return cursor_meta(rows[-1].id if len(rows) == limit else None)
