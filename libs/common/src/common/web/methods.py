"""Request methods: which are known, and which a path has. Sources: RFC 9110, 9."""

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match
from starlette.types import Scope

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
STANDARD_METHODS = frozenset((*METHODS, "CONNECT", "TRACE"))
"""The others are known as well, though no path has them: 405 and not 501."""


def allowed_methods(routes: Iterable[BaseRoute], scope: Scope) -> list[str]:
    """The methods of the request's path; empty if there is nothing at it."""
    routes = list(routes)
    found = {
        method
        for method in METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    }
    if "GET" in found:
        found.add("HEAD")
    return sorted({*found, "OPTIONS"}) if found else []
