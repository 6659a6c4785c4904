"""The cache of public responses: bounded in bytes and entries, never stale, purged by tag.

Sources: RFC 9111 (a shared cache). Stricter than the RFC: a stale response is never used.
"""

import asyncio
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.http.compression import negotiate
from gateway.http.headers import Headers, RequestHeaders
from gateway.routing.routes import Route

ENTRY_OVERHEAD_BYTES = 1000
HEADER_OVERHEAD_BYTES = 100


@dataclass(slots=True)
class CachedResponse:
    """A service's 200 to the decoded `path`. `stored_at` and `expires_at` are times of the cache's clock.

    `header_lines` are the headers of a whole response as written on the wire; `vary` holds the request headers that
    must match. If `is_compressible`, the first client that accepts a coding causes the compression; the result serves
    all later ones: `variants` by coding.
    """

    path: str
    route: Route
    headers: Headers
    header_lines: bytes
    body: bytes
    etag: str | None
    vary: tuple[tuple[bytes, str | None], ...]
    stored_at: float
    expires_at: float
    is_compressible: bool = False
    variants: "dict[str, CachedResponse]" = field(default_factory=dict)
    compressing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def matches(self, headers: RequestHeaders) -> bool:
        """Whether the request has the headers that the response varies by."""
        return not self.vary or all(headers.header(name) == value for name, value in self.vary)

    def variant_for(self, headers: RequestHeaders) -> "CachedResponse | None":
        """The response in the coding that the client prefers; None if it is not compressed with it yet."""
        if not self.is_compressible or (coding := negotiate(headers)) is None:
            return self
        return self.variants.get(coding.name)

    @property
    def size(self) -> int:
        """Approximate bytes in memory."""
        headers = sum(len(name) + len(value) + HEADER_OVERHEAD_BYTES for name, value in self.headers)
        entry = ENTRY_OVERHEAD_BYTES + len(self.body) + len(self.path) + headers
        # Includes the compressed variants, which may be added at any time and are smaller.
        return entry * 3 if self.is_compressible else entry


class ResponseCache:
    """Responses by target (see `cache_key`); the least recently used is dropped first.

    Responses with one tag are purged together. A tag's generation counts its purges: a response that was requested
    before a purge must not be stored after it.
    """

    def __init__(self, max_bytes: int, max_entries: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.max_bytes = max_bytes
        self._max_entries = max_entries
        self._bytes = 0
        self._entries: OrderedDict[bytes, tuple[str, CachedResponse]] = OrderedDict()
        self._keys_by_tag: defaultdict[str, set[bytes]] = defaultdict(set)
        self._generations: defaultdict[str, int] = defaultdict(int)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        return self._bytes

    def find(self, target: bytes) -> CachedResponse | None:
        """The fresh response to this target, or to an equivalent one."""
        key = cache_key(target)
        entry = self._entries.get(key)
        if entry is None:
            return None
        response = entry[1]
        if self.clock() >= response.expires_at:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return response

    def generation(self, tag: str) -> int:
        return self._generations[tag]

    def store(self, tag: str, generation: int, target: bytes, response: CachedResponse) -> None:
        """Store the response, unless its tag was purged since that generation or it does not fit."""
        if generation != self._generations[tag] or response.size > self.max_bytes:
            return
        key = cache_key(target)
        self._drop(key)
        self._entries[key] = (tag, response)
        self._keys_by_tag[tag].add(key)
        self._bytes += response.size
        while self._bytes > self.max_bytes or len(self._entries) > self._max_entries:
            self._drop(next(iter(self._entries)))

    def purge(self, tag: str) -> None:
        self._generations[tag] += 1
        for key in list(self._keys_by_tag[tag]):
            self._drop(key)

    def _drop(self, key: bytes) -> None:
        if (entry := self._entries.pop(key, None)) is not None:
            tag, response = entry
            self._keys_by_tag[tag].discard(key)
            self._bytes -= response.size


def cache_key(target: bytes) -> bytes:
    """Equal for equivalent targets: one trailing slash and the order of query parameters are ignored.

    One slash only, so that a target found in the cache is as well-formed as the one that was checked and stored.
    """
    path, _, query = target.partition(b"?")
    path = path.removesuffix(b"/")
    if b"&" in query:
        # Sorted by name only, so that several values of one name stay in order.
        ordered = sorted(query.split(b"&"), key=lambda parameter: parameter.partition(b"=")[0])
        query = b"&".join(ordered)
    return path + b"?" + query if query else path
