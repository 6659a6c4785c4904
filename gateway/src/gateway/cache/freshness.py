"""Whether a service allows a response to be stored, and for how long. Sources: RFC 9111, sections 3, 4 and 5.2.2."""

from collections.abc import Iterable

from gateway.http.headers import Headers, RequestHeaders

FORBIDDING_DIRECTIVES = frozenset(("private", "no-store", "no-cache"))


def fresh_seconds(status: int, headers: Headers) -> float:
    """How long the response may be reused, counted from its request; 0 if it must not be stored.

    Only responses marked as public: a response to one caller must never reach another.
    """
    directives = _directives(_values(headers, b"cache-control"))
    if status != 200 or "public" not in directives or not FORBIDDING_DIRECTIVES.isdisjoint(directives):
        return 0.0
    if any(name == b"set-cookie" or (name == b"vary" and b"*" in value) for name, value in headers):
        return 0.0
    lifetime = directives.get("s-maxage", directives.get("max-age", ""))
    return max(0.0, float(_seconds(lifetime) - age(headers)))


def age(headers: Headers) -> int:
    """Seconds that the response spent in other caches."""
    return max((_seconds(value) for value in _values(headers, b"age")), default=0)


def varying_headers(headers: Headers, request: RequestHeaders) -> tuple[tuple[bytes, str | None], ...]:
    """The headers that Vary names, with the request's values."""
    names = {name.strip().lower().encode() for value in _values(headers, b"vary") for name in value.split(",")}
    return tuple((name, request.header(name)) for name in sorted(names) if name)


def _directives(values: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in ",".join(values).lower().split(","):
        name, _, value = part.strip().partition("=")
        found[name] = value.strip('"')
    return found


def _values(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1") for found, value in headers if found == name]


def _seconds(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0
