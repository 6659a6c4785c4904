"""Observers of responses that pass through: one stores them, the other purges the cache after changes."""

from gateway.cache.freshness import age, fresh_seconds, varying_headers
from gateway.cache.response_cache import CachedResponse, ResponseCache
from gateway.cache.variants import complete_header_lines
from gateway.http.compression import VARY_ENCODING, is_compressible
from gateway.http.context import RequestContext
from gateway.http.headers import Headers
from gateway.routing.routes import Route

UNSTORED_HEADERS = frozenset((b"age", b"content-length"))


class PurgeOnChange:
    """Purges a tag before the client gets the response to an unsafe request, so that it sees its own change."""

    def __init__(self, cache: ResponseCache, tag: str) -> None:
        self._cache = cache
        self._tag = tag

    def on_start(self, status: int, headers: Headers) -> None:  # noqa: ARG002
        # A 4xx changed nothing; if it purged, anonymous clients could keep the cache empty.
        if not 400 <= status < 500:
            self._cache.purge(self._tag)

    def on_body(self, piece: bytes) -> None:
        pass


class ResponseRecorder:
    """Records a response as it passes, up to `max_bytes` of its body."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._status = 0
        self._headers: Headers = ()
        self._pieces: list[bytes] = []
        self._size = 0

    def on_start(self, status: int, headers: Headers) -> None:
        self._status, self._headers = status, headers

    def on_body(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= self._max_bytes:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    def cacheable_response(self, context: RequestContext, route: Route, requested_at: float) -> CachedResponse | None:
        """The response to store, None if it must not be stored or is too large."""
        seconds = fresh_seconds(self._status, self._headers)
        if not seconds or self._size > self._max_bytes or context.method == "HEAD":
            return None
        body = b"".join(self._pieces)
        compressible = route.compresses and is_compressible(self._status, self._headers, len(body))
        headers = [pair for pair in self._headers if pair[0] not in UNSTORED_HEADERS]
        if compressible:
            headers.append(VARY_ENCODING)
        return CachedResponse(
            path=context.path,
            route=route,
            headers=headers,
            body=body,
            header_lines=complete_header_lines(headers, body),
            etag=next((value.decode("latin-1") for name, value in headers if name == b"etag"), None),
            vary=varying_headers(self._headers, context.headers),
            stored_at=requested_at - age(self._headers),
            expires_at=requested_at + seconds,
            is_compressible=compressible,
        )
