"""What a service allows to be kept, and for how long. Sources: RFC 9111 sections 3, 4.1, 4.2 and 5.2.2."""

from collections.abc import Iterable

from gateway.headers import Headers, Inbound

FORBIDDEN = frozenset(("private", "no-store", "no-cache"))


def seconds_fresh(status: int, headers: Headers) -> float:
    """How long the answer may be given to others from when it was asked for; 0 for not at all.

    Only what says of itself that it is public: an answer that was for one caller must never reach another.
    """
    directives = _directives(_all(headers, b"cache-control"))
    if status != 200 or "public" not in directives or not FORBIDDEN.isdisjoint(directives):
        return 0.0
    if any(name == b"set-cookie" or (name == b"vary" and b"*" in value) for name, value in headers):
        return 0.0
    lifetime = directives.get("s-maxage", directives.get("max-age", ""))
    return max(0.0, float(_seconds(lifetime) - age(headers)))


def age(headers: Headers) -> int:
    """Seconds that the answer was kept elsewhere."""
    return max((_seconds(value) for value in _all(headers, b"age")), default=0)


def what_varies(headers: Headers, inbound: Inbound) -> tuple[tuple[bytes, str | None], ...]:
    """What the request said in the headers that Vary names."""
    names = {name.strip().lower().encode() for value in _all(headers, b"vary") for name in value.split(",")}
    return tuple((name, inbound.said(name)) for name in sorted(names) if name)


def is_known(given: str | None, etag: str | None) -> bool:
    """Whether If-None-Match names the tag, weakly compared (RFC 9110, 13.1.2)."""
    if given is None or etag is None:
        return False
    tags = (tag.strip().removeprefix("W/") for tag in given.split(","))
    return given.strip() == "*" or etag.removeprefix("W/") in tags


def _directives(values: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in ",".join(values).lower().split(","):
        name, _, value = part.strip().partition("=")
        found[name] = value.strip('"')
    return found


def _all(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1") for found, value in headers if found == name]


def _seconds(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0
