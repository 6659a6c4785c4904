"""Pagination: numbered pages for bounded lists, cursors for feeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request

from common.errors import Invalid

T = TypeVar("T")

MAX_PAGE_SIZE = 100
# A deeper page costs the database a scan of all rows before it; a filter or a cursor is cheaper.
MAX_PAGE = 10_000
MAX_BIGINT = 2**63 - 1


class InvalidCursor(Invalid):
    code, field = "invalid_cursor", "cursor"
    message = "The cursor is not valid"


@dataclass(frozen=True, slots=True)
class PageRequest:
    page: int
    page_size: int

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.page_size

    @property
    def limit(self) -> int:
        return self.page_size


@dataclass(frozen=True, slots=True)
class CursorRequest:
    """`cursor` is the `next_cursor` of the previous response; None for the first page."""

    cursor: str | None
    limit: int


# Coroutines, because FastAPI sends a plain function to a worker thread: 0.2 ms per request.
async def _page(
    page: Annotated[int, Query(ge=1, le=MAX_PAGE, description="counted from 1", examples=[1])] = 1,
    page_size: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE, description="rows per page", examples=[20])] = 20,
) -> PageRequest:
    return PageRequest(page, page_size)


async def _short_page(
    page: Annotated[int, Query(ge=1, le=MAX_PAGE, description="counted from 1", examples=[1])] = 1,
    page_size: Annotated[
        int, Query(ge=1, le=MAX_PAGE_SIZE, description="rows per page", examples=[20])
    ] = MAX_PAGE_SIZE,
) -> PageRequest:
    return PageRequest(page, page_size)


async def _cursor(
    cursor: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=200,
            description="`next_cursor` of the previous response",
            examples=["019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e10"],
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE, description="rows per page", examples=[20])] = 20,
) -> CursorRequest:
    return CursorRequest(cursor, limit)


Page = Annotated[PageRequest, Depends(_page)]
ShortPage = Annotated[PageRequest, Depends(_short_page)]
"""For lists that are short by a limit of their own: the first page is all of it unless the client wants less."""
Cursor = Annotated[CursorRequest, Depends(_cursor)]


def page_meta(request: Request, page: PageRequest, total: int) -> dict[str, Any]:
    """`{page, page_size, total, next, previous}`; the links are relative and keep the other query parameters."""
    last = max(1, -(-total // page.page_size))
    return {
        "page": page.page,
        "page_size": page.page_size,
        "total": total,
        "next": _link(request, page.page + 1) if page.page < last else None,
        "previous": _link(request, min(page.page - 1, last)) if page.page > 1 else None,
    }


def position(cursor: CursorRequest, parse: Callable[[str], T]) -> T | None:
    """The position of the cursor, read by `parse`: canonical_uuid, row_number. Raises InvalidCursor."""
    try:
        return parse(cursor.cursor) if cursor.cursor else None
    except ValueError as error:
        raise InvalidCursor from error


def row_number(text: str) -> int:
    """The id of a row in a `bigint` identity column. Raises ValueError for any other text."""
    if not text.isdecimal() or not 0 < (number := int(text)) <= MAX_BIGINT:
        raise ValueError(text)
    return number


def meta_of(rows: Sequence[Any], limit: int) -> dict[str, Any]:
    """For rows whose `id` is the cursor: a full page may have a next one, a shorter page is the last."""
    return cursor_meta(rows[-1].id if len(rows) == limit else None)


def cursor_meta(next_cursor: object | None) -> dict[str, Any]:
    """`{next_cursor}`: null at the end of the feed."""
    return {"next_cursor": None if next_cursor is None else str(next_cursor)}


def _link(request: Request, page: int) -> str:
    # Relative, because behind the gateway a service does not know its public address.
    url = request.url.include_query_params(page=page)
    return f"{url.path}?{url.query}"
