"""Answers packed with gzip where client and content allow it.

Sources: RFC 9110 sections 8.8.3 and 12.5.3. What is short, packed already or of unknown length (a stream of events)
stays as it is, and so does what carries credentials: the length of a packed answer tells about its secrets (BREACH).
"""

import asyncio
import re
import zlib
from collections.abc import Callable
from functools import lru_cache

from gateway.headers import Headers, Inbound

LEAST = 1024
"""Bytes from which packing pays."""
LEVEL = 4
GZIP = 31
"""zlib's name for its own largest window, wrapped as gzip."""
AT_ONCE = 32 * 1024
"""Bytes that are packed between two other requests; more of them go to a thread."""
KINDS = re.compile(rb"text/(?!event-stream)|image/svg\+xml|application/(?:[a-z0-9.-]+\+)?(?:json|javascript|xml|yaml)")
BODILESS_OR_PARTIAL = frozenset((204, 206, 304))
VARIES = (b"vary", b"Accept-Encoding")
ENCODED = (b"content-encoding", b"gzip")

Packing = Callable[[bytes], bytes]


def can_pack(status: int, headers: Headers, length: int) -> bool:
    """Whether an answer with a body of so many bytes may be packed for clients that accept it."""
    if length < LEAST or status in BODILESS_OR_PARTIAL:
        return False
    given = {name: value.lower() for name, value in headers}
    if b"content-encoding" in given or b"set-cookie" in given or b"no-transform" in given.get(b"cache-control", b""):
        return False
    # A service that names it negotiates itself.
    return KINDS.match(given.get(b"content-type", b"")) is not None and b"accept-encoding" not in given.get(
        b"vary", b""
    )


def accepts(inbound: Inbound) -> bool:
    given = inbound.get(b"accept-encoding")
    return given is not None and _names_gzip(given)


@lru_cache(maxsize=200)
def _names_gzip(accept_encoding: str) -> bool:
    weights: dict[str, bool] = {}
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.partition(";")
        weights[coding.strip()] = re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight) is None
    return weights.get("gzip", weights.get("*", False))


def packed_headers(headers: Headers) -> Headers:
    """The headers of the packed answer: its tag is weak, because its bytes are not the service's."""
    kept = [_weakened(pair) for pair in headers if pair[0] not in (b"content-length", b"accept-ranges")]
    return [*kept, ENCODED]


def _weakened(pair: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    name, value = pair
    return (name, b"W/" + value) if name == b"etag" and not value.startswith(b"W/") else pair


async def pack(body: bytes) -> bytes:
    """The whole body, packed."""
    return await _aside(lambda given: zlib.compress(given, LEVEL, GZIP), body)


class Packer:
    """Packs a body piece by piece."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(LEVEL, wbits=GZIP)

    async def add(self, piece: bytes, *, more: bool) -> bytes:
        """What is ready of it; with the last piece all the rest."""
        packed = await _aside(self._stream.compress, piece)
        return packed if more else packed + self._stream.flush()


async def _aside(packing: Packing, body: bytes) -> bytes:
    return packing(body) if len(body) <= AT_ONCE else await asyncio.to_thread(packing, body)
