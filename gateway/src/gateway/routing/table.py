"""Finds the route of a path."""

from collections.abc import Iterable
from dataclasses import replace

from gateway.routing.routes import Route

API_PREFIX = "/api/v1"
WELL_KNOWN = "/.well-known/"
"""Documents whose path is fixed by standards are served at the root as well (RFC 8615)."""


class RouteTable:
    """Looks up routes by the path's first segment, then by the longest prefix."""

    def __init__(self, routes: Iterable[Route], max_timeout: float) -> None:
        self._by_segment: dict[str, list[Route]] = {}
        for listed in sorted(routes, key=lambda route: len(route.prefix), reverse=True):
            route = replace(listed, timeout=min(listed.timeout, max_timeout))
            self._by_segment.setdefault(_first_segment(route.prefix), []).append(route)

    def find(self, path: str) -> Route | None:
        """The route of a decoded path such as /api/v1/auth/login."""
        if path.startswith(f"{API_PREFIX}/"):
            path = path[len(API_PREFIX) :]
        elif not path.startswith(WELL_KNOWN):
            return None
        path = path.rstrip("/")
        for route in self._by_segment.get(_first_segment(path), ()):
            if path == route.prefix or path.startswith(f"{route.prefix}/"):
                return route
        return None


def _first_segment(path: str) -> str:
    return path[1:].partition("/")[0]
