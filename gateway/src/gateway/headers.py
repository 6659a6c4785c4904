"""Headers in and out: what is read, what is stripped, what is set.

Sources: RFC 9110 section 7.6.1 (hop-by-hop), RFC 9112 (framing). Nothing a client sends may look to a service as if
the gateway had said it; names with `_` are dropped because some servers take `_` and `-` for the same.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from gateway.errors import BadRequest, HeadersTooLarge

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
READ = frozenset(
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
# Framing, trace and request id are set anew; the rest would speak for the gateway or rewrite the request.
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
# Two of these would let the gateway judge one and a service obey the other.
ONCE = frozenset((b"authorization", b"content-length", b"host", b"origin", b"transfer-encoding"))

SHORT = 64
"""Bytes up to which a header's name is worth remembering what becomes of it."""

HOST = re.compile(r"[A-Za-z0-9._\-\[\]:]{1,260}")

CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

ANSWER_STRIPPED = HOP_BY_HOP | frozenset((b"date", b"server", b"traceparent", b"x-powered-by", b"x-request-id"))


@dataclass(slots=True)
class Inbound:
    """A request's headers, judged. `passed` go on to the service as they are."""

    passed: list[tuple[bytes, bytes]]
    read: dict[bytes, str] = field(default_factory=dict)

    def get(self, name: bytes) -> str | None:
        """What one of READ says, several of it joined by commas."""
        return self.read.get(name)

    def said(self, name: bytes) -> str | None:
        """What any header says, several of it joined by commas."""
        values = [value.decode("latin-1") for given, value in self.passed if given == name]
        return ", ".join(values) if values else self.read.get(name)

    def cookies(self) -> dict[str, str]:
        """By name; of several with one name the first."""
        given = (part.strip().partition("=") for part in self.read.get(b"cookie", "").split(";"))
        found: dict[str, str] = {}
        for name, _, value in given:
            found.setdefault(name, value)
        return found

    def drop(self, name: bytes) -> None:
        """Not for the service."""
        self.passed = [pair for pair in self.passed if pair[0] != name]

    def bear(self, token: str) -> None:
        """Pass an access token on, in place of whatever stood for it."""
        self.drop(b"authorization")
        self.passed.append((b"authorization", f"Bearer {token}".encode()))

    @property
    def body_length(self) -> int | None:
        """Declared bytes; 0 when there is no body, None when only its end will tell."""
        if b"transfer-encoding" in self.read:
            return None
        return int(self.read.get(b"content-length", "0"))


@dataclass(frozen=True, slots=True)
class HeaderLimits:
    most: int
    most_bytes: int


def read_headers(headers: Headers, limits: HeaderLimits) -> Inbound:
    """Judge the headers. BadRequest when they are malformed or ambiguous, 431 when they are too many or too large."""
    everything = b"".join(chain.from_iterable(headers))
    if len(headers) > limits.most or len(everything) > limits.most_bytes:
        raise HeadersTooLarge
    if CONTROL.search(everything):
        raise BadRequest("A header holds a control character", code="malformed_header")
    inbound = _sorted(headers)
    _check_framing(inbound.read)
    if listed := inbound.read.get(b"connection"):
        inbound.passed = _without(inbound.passed, listed)
    return inbound


def _sorted(headers: Headers) -> Inbound:
    passed: list[tuple[bytes, bytes]] = []
    read: dict[bytes, str] = {}
    for pair in headers:
        name = pair[0]
        is_read, is_passed = _fate(name) if len(name) <= SHORT else _fate.__wrapped__(name)
        if is_read:
            if name in read and name in ONCE:
                raise BadRequest(f"{name.decode()} is given twice", code="malformed_header")
            read[name] = _joined(read.get(name), pair[1].decode("latin-1"))
        if is_passed:
            passed.append(pair)
    return Inbound(passed, read)


@lru_cache(maxsize=2000)
def _fate(name: bytes) -> tuple[bool, bool]:
    """Whether a header of this name is read, and whether it is passed on."""
    is_passed = name not in STRIPPED and b"_" not in name and not name.startswith(STRIPPED_PREFIXES)
    return name in READ, is_passed


def _joined(before: str | None, value: str) -> str:
    return value if before is None else f"{before}, {value}"


def _check_framing(read: dict[bytes, str]) -> None:
    if not HOST.fullmatch(read.get(b"host", "")):
        raise BadRequest("The Host header is missing or malformed", code="malformed_host")
    if b"transfer-encoding" in read and (
        b"content-length" in read or read[b"transfer-encoding"].strip().lower() != "chunked"
    ):
        raise BadRequest("The framing of the body is ambiguous", code="malformed_framing")
    if not read.get(b"content-length", "0").isdigit():
        raise BadRequest("Content-Length is no number", code="malformed_framing")


def _without(passed: list[tuple[bytes, bytes]], connection: str) -> list[tuple[bytes, bytes]]:
    """Drop what the Connection header names as meant for the gateway only."""
    named = {token.strip().lower().encode("latin-1") for token in connection.split(",")}
    return [(name, value) for name, value in passed if name not in named]


def answer_headers(headers: Headers, status: int) -> list[tuple[bytes, bytes]]:
    """A service's headers as the client gets them; cross-origin rules are the gateway's alone."""
    kept = [pair for pair in headers if _is_given(pair[0])]
    # The length of what a 304 leaves out would be taken for the length of its (empty) body.
    return [pair for pair in kept if pair[0] != b"content-length"] if status == 304 else kept


@lru_cache(maxsize=2000)
def _is_given(name: bytes) -> bool:
    return name not in ANSWER_STRIPPED and not name.startswith(b"access-control-")


def lines_of(headers: Headers) -> bytes:
    """As they are written."""
    return b"".join([b"%s: %s\r\n" % pair for pair in headers])
