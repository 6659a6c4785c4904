"""Request and response headers: which are read, which are stripped, which are forwarded.

Sources: RFC 9110 section 7.6.1 (hop-by-hop), RFC 9112 (framing). A client must not be able to send headers that a
service takes for the gateway's own. Names with `_` are dropped because some servers treat `_` and `-` as equal.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from gateway.errors import HeadersTooLarge, MalformedFraming, MalformedHeader, MalformedHost

Header = tuple[bytes, bytes]
Headers = Sequence[Header]

HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
KNOWN = frozenset(
    (
        b"accept-encoding",
        b"authorization",
        b"connection",
        b"content-length",
        b"cookie",
        b"host",
        b"if-none-match",
        b"origin",
        b"range",
        b"timezone",
        b"traceparent",
        b"tracestate",
        b"transfer-encoding",
        b"upgrade",
        b"user-agent",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-request-id",
    )
)
# The gateway sets framing, trace and request id itself; the others would impersonate it or rewrite the request.
STRIPPED = HOP_BY_HOP | frozenset(
    (
        b"content-length",
        b"expect",
        b"forwarded",
        b"host",
        b"proxy",
        b"traceparent",
        b"tracestate",
        b"x-client-ip",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-original-url",
        b"x-real-ip",
        b"x-request-id",
        b"x-rewrite-url",
    )
)
STRIPPED_PREFIXES = (b"x-user", b"x-forwarded", b"x-dukan", b"x-auth", b"x-role")
# With a duplicate of one of these, the gateway could check one value and a service use the other.
UNIQUE = frozenset((b"authorization", b"content-length", b"host", b"origin", b"transfer-encoding"))

MAX_CACHED_NAME_BYTES = 64
"""Longer names do not enter the cache of `_classify`."""

HOST = re.compile(r"[A-Za-z0-9._\-\[\]:]{1,260}")

CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

RESPONSE_STRIPPED = HOP_BY_HOP | frozenset((b"date", b"server", b"traceparent", b"x-powered-by", b"x-request-id"))


@dataclass(slots=True)
class RequestHeaders:
    """A request's headers after the checks. `forwarded` are passed on to the service unchanged."""

    forwarded: list[Header]
    known: dict[bytes, str] = field(default_factory=dict)

    def get(self, name: bytes) -> str | None:
        """The value of one of the headers in KNOWN; several values are joined by commas."""
        return self.known.get(name)

    def header(self, name: bytes) -> str | None:
        """The value of any header; several values are joined by commas."""
        values = [value.decode("latin-1") for found, value in self.forwarded if found == name]
        return ", ".join(values) if values else self.known.get(name)

    def cookies(self) -> dict[str, str]:
        """Cookies by name; of several with the same name, the first."""
        pairs = (part.strip().partition("=") for part in self.known.get(b"cookie", "").split(";"))
        found: dict[str, str] = {}
        for name, _, value in pairs:
            found.setdefault(name, value)
        return found

    def remove(self, name: bytes) -> None:
        """Do not forward this header."""
        self.forwarded = [pair for pair in self.forwarded if pair[0] != name]

    def set_bearer(self, token: str) -> None:
        """Forward this access token instead of the credential that the client sent."""
        self.remove(b"authorization")
        self.forwarded.append((b"authorization", f"Bearer {token}".encode()))

    @property
    def body_length(self) -> int | None:
        """The declared length of the body; 0 without a body, None for a chunked one."""
        if b"transfer-encoding" in self.known:
            return None
        return int(self.known.get(b"content-length", "0"))


@dataclass(frozen=True, slots=True)
class HeaderLimits:
    max_count: int
    max_bytes: int


def parse_headers(headers: Headers, limits: HeaderLimits) -> RequestHeaders:
    """Check and classify the headers.

    Raises HeadersTooLarge if they are too many or too large, a BadRequest if they are malformed or ambiguous.
    """
    everything = b"".join(chain.from_iterable(headers))
    if len(headers) > limits.max_count or len(everything) > limits.max_bytes:
        raise HeadersTooLarge
    if CONTROL.search(everything):
        raise MalformedHeader
    parsed = _classified(headers)
    _check_framing(parsed.known)
    if connection := parsed.known.get(b"connection"):
        parsed.forwarded = _without_connection_options(parsed.forwarded, connection)
    return parsed


def _classified(headers: Headers) -> RequestHeaders:
    forwarded: list[Header] = []
    known: dict[bytes, str] = {}
    for pair in headers:
        name = pair[0]
        is_short = len(name) <= MAX_CACHED_NAME_BYTES
        is_known, is_forwarded = _classify(name) if is_short else _classify.__wrapped__(name)
        if is_known:
            if name in known and name in UNIQUE:
                raise MalformedHeader(f"{name.decode()} is given twice")
            known[name] = _joined(known.get(name), pair[1].decode("latin-1"))
        if is_forwarded:
            forwarded.append(pair)
    return RequestHeaders(forwarded, known)


@lru_cache(maxsize=2000)
def _classify(name: bytes) -> tuple[bool, bool]:
    """Whether the gateway reads a header of this name, and whether it forwards it."""
    is_forwarded = name not in STRIPPED and b"_" not in name and not name.startswith(STRIPPED_PREFIXES)
    return name in KNOWN, is_forwarded


def _joined(before: str | None, value: str) -> str:
    return value if before is None else f"{before}, {value}"


def _check_framing(known: dict[bytes, str]) -> None:
    if not HOST.fullmatch(known.get(b"host", "")):
        raise MalformedHost
    if b"transfer-encoding" in known and (
        b"content-length" in known or known[b"transfer-encoding"].strip().lower() != "chunked"
    ):
        raise MalformedFraming
    if not known.get(b"content-length", "0").isdigit():
        raise MalformedFraming("Content-Length is not a number")


def _without_connection_options(forwarded: list[Header], connection: str) -> list[Header]:
    """Drop the headers that the Connection header names: they are meant for the gateway only."""
    options = {option.strip().lower().encode("latin-1") for option in connection.split(",")}
    return [(name, value) for name, value in forwarded if name not in options]


def response_headers(headers: Headers, status: int) -> list[Header]:
    """The headers of a service's response that the client receives. CORS headers are the gateway's alone."""
    kept = [pair for pair in headers if _is_returned(pair[0])]
    # A 304 may carry the length of the body that it leaves out; clients would expect that many bytes.
    return [pair for pair in kept if pair[0] != b"content-length"] if status == 304 else kept


@lru_cache(maxsize=2000)
def _is_returned(name: bytes) -> bool:
    return name not in RESPONSE_STRIPPED and not name.startswith(b"access-control-")


def header_lines(headers: Headers) -> bytes:
    """The headers as they are written on the wire."""
    return b"".join([b"%s: %s\r\n" % pair for pair in headers])
