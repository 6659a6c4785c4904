"""Public pages as they were shown last, for as long as nothing that they show has changed."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response

from catalog.api.public import Page
from catalog.queries.changes import look_for_changes
from common.persistence.batch_loader import BatchLoader
from common.persistence.reader import Reader

MOST_BYTES = 16_000_000
LONGEST_LOOK_BACK = 600.0
"""Seconds; far less than changes are remembered in the database."""

Key = tuple[str, bytes]
"""Path and query of a request."""


class Shown:
    """A page is shown again only after the database has said that nothing was committed since: it is never stale.

    Those who ask at the same time share the question. At 100,000 products a list costs 12 ms, the question 0.02 ms.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._question: BatchLoader[None, None] = BatchLoader(self._look)
        self._pages: OrderedDict[Key, Page] = OrderedDict()
        self._bytes = 0
        self._edition = 0
        self._snapshot: str | None = None
        self._looked_at = 0.0

    async def recall(self, key: Key) -> Page | None:
        """The page, if it is remembered and as it would be made now."""
        if key not in self._pages:
            return None
        await self._question.get(None)
        page = self._pages.get(key)
        if page is not None:
            self._pages.move_to_end(key)
        return page

    async def edition(self) -> int:
        """To be taken before a page is made, and given with it to `keep`."""
        if self._snapshot is None:
            await self._question.get(None)
        return self._edition

    def keep(self, key: Key, page: Page, edition: int) -> None:
        """Remember a page unless something has changed since its making began."""
        if edition != self._edition or len(page.body) > MOST_BYTES // 10:
            return
        self._drop(key)
        self._pages[key] = page
        self._bytes += len(page.body)
        while self._bytes > MOST_BYTES:
            self._drop(next(iter(self._pages)))

    def _drop(self, key: Key) -> None:
        if (page := self._pages.pop(key, None)) is not None:
            self._bytes -= len(page.body)

    async def _look(self, _: list[None]) -> dict[None, None]:
        now = time.monotonic()
        since = self._snapshot if now - self._looked_at < LONGEST_LOOK_BACK else None
        async with self._reader.read() as sql:
            look = await look_for_changes(sql, since)
        if look.changed or since is None:
            self._pages.clear()
            self._bytes = 0
            self._edition += 1
        self._snapshot, self._looked_at = look.snapshot, now
        return {}


def key_of_page(request: Request) -> Key:
    return request.scope["path"], request.scope["query_string"]


async def show(
    request: Request, make: Callable[[], Awaitable[tuple[bytes, dict[str, Any]] | tuple[bytes]]]
) -> Response:
    """Make a public page (its data and perhaps its meta), answer with it and remember it."""
    shown: Shown = request.app.state.shown
    edition = await shown.edition()
    page = Page.of(*await make())
    shown.keep(key_of_page(request), page, edition)
    return page.answer(request)


async def show_again(request: Request) -> Response | None:
    """The page as it was shown last, or None when it has to be made."""
    shown: Shown = request.app.state.shown
    page = await shown.recall(key_of_page(request))
    return page.answer(request) if page is not None else None
