"""HTTP caching of public responses: ETags, `Cache-Control`, and the cache of pages in this process."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import Request, Response

from catalog.page_cache.usecases import CachedPage, PageCache, PageKey
from common.openapi.errors import header_references
from common.web.conditions import is_not_modified
from common.web.dependencies import MaybeAuthenticated
from common.web.raw_json import envelope_of, json_response

PUBLIC = "public, max-age=5"
PRIVATE = "private, no-store"

CACHEABLE: dict[int | str, dict[str, Any]] = {
    200: {"headers": header_references(["ETag"])},
    304: {"description": "Not modified: `If-None-Match` has the current ETag", "headers": header_references(["ETag"])},
}
"""For the `responses` of routes that send an ETag."""

authenticate = MaybeAuthenticated()


def public_response(request: Request, page: CachedPage) -> Response:
    """200 with the page, or 304 without a body if the client has this version."""
    headers = {"Cache-Control": PUBLIC, "ETag": page.etag}
    if is_not_modified(request.headers, page.etag):
        return Response(status_code=304, headers=headers)
    return json_response(page.body, headers)


def private_response(data: bytes, meta: Mapping[str, Any] | None = None) -> Response:
    """A response that no cache may store."""
    return json_response(envelope_of(data, meta), {"Cache-Control": PRIVATE})


async def cached_response(
    request: Request, render: Callable[[], Awaitable[tuple[bytes, Mapping[str, Any] | None]]]
) -> Response:
    """Render a public page (its data and its meta), store it in the page cache and respond with it."""
    pages: PageCache = request.app.state.pages
    version = await pages.version()
    page = CachedPage.of(*await render())
    pages.put(_key_of(request), page, version)
    return public_response(request, page)


async def respond_from_cache(request: Request, _: str) -> Response | None:
    """For the fast path of lists: the stored page, or None if the route has to render it."""
    await authenticate(request)
    pages: PageCache = request.app.state.pages
    page = await pages.get(_key_of(request))
    return public_response(request, page) if page is not None else None


def _key_of(request: Request) -> PageKey:
    return request.scope["path"], request.scope["query_string"]
