"""Two ways through a list: numbered pages for bounded ones, a cursor for feeds that never end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request

from common.errors import Invalid

T = TypeVar("T")

MAX_PAGE_SIZE = 100
# Deeper pages cost the database a scan of everything before them; a filter or a cursor serves better.
MAX_PAGE = 10_000


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
    """`cursor` is what the last answer gave as `next_cursor`; None at the beginning."""

    cursor: str | None
    limit: int


# Coroutines, because FastAPI sends a plain function to a worker thread: 0.2 ms per request.
async def _page(
    page: Annotated[int, Query(ge=1, le=MAX_PAGE, description="counted from 1")] = 1,
    page_size: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE, description="how many to a page")] = 20,
) -> PageRequest:
    return PageRequest(page, page_size)


async def _cursor(
    cursor: Annotated[
        str | None, Query(min_length=1, max_length=200, description="`next_cursor` of the answer before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE, description="how many at once")] = 20,
) -> CursorRequest:
    return CursorRequest(cursor, limit)


Page = Annotated[PageRequest, Depends(_page)]
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
    """Where the page begins, read by `parse` (UUID, int); Invalid for a cursor that we did not give."""
    try:
        return parse(cursor.cursor) if cursor.cursor else None
    except ValueError as error:
        raise Invalid("This is no cursor of ours", code="invalid_cursor", field="cursor") from error


def meta_of(rows: Sequence[Any], limit: int) -> dict[str, Any]:
    """For rows whose `id` is the cursor: a full page may have a successor; a shorter one is the last."""
    return cursor_meta(rows[-1].id if len(rows) == limit else None)


def cursor_meta(next_cursor: object | None) -> dict[str, Any]:
    """`{next_cursor}`: null at the end of the feed."""
    return {"next_cursor": None if next_cursor is None else str(next_cursor)}


def _link(request: Request, page: int) -> str:
    # Relative, because behind the gateway a service does not know its public address.
    url = request.url.include_query_params(page=page)
    return f"{url.path}?{url.query}"
