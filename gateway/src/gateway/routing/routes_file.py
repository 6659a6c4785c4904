"""The routes file: an operator's changes to routes and limits, read at start and again on SIGHUP.

    [limits.write]
    rate = 60
    burst = 300

    [routes."/media"]
    timeout = 60
    body_limit = 134217728

An entry replaces fields of the built-in route with its prefix. An entry with another prefix adds a route and must have
a `service`.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gateway.routing.routes import ROUTES, SERVICES, Route

Prefix = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._-]+)+$")]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class RoutesFileError(ValueError):
    """The file cannot be used; the message has a line for each wrong entry."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _known(service: str) -> str:
    if service not in SERVICES:
        raise ValueError(f"must be one of {', '.join(SERVICES)}")
    return service


class RouteEntry(_Strict):
    """The fields of a Route; those that are missing do not change."""

    service: Annotated[str, AfterValidator(_known)] | None = None
    timeout: Seconds | None = None
    rate: Literal["default", "sign-in"] | None = None
    checks_identity: bool | None = None
    body_limit: Annotated[int, Field(gt=0)] | None = None
    compresses: bool | None = None
    websocket: bool | None = None
    max_streams: Annotated[int, Field(gt=0)] | None = None


class LimitEntry(_Strict):
    """`rate` requests per second on average, `burst` at once."""

    rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    burst: Annotated[int, Field(gt=0)]


class _File(_Strict):
    limits: dict[Literal["ip", "credential", "write", "sign-in"], LimitEntry] = {}
    routes: dict[Prefix, RouteEntry] = {}


@dataclass(frozen=True, slots=True)
class RoutesFile:
    """All routes, built-in ones included, and by name the limits that replace those of the settings."""

    routes: Sequence[Route]
    limits: Mapping[str, LimitEntry]


def read_routes_file(path: Path | None) -> RoutesFile:
    """The built-in routes with the file's changes; without a path, the built-in ones. Raises RoutesFileError."""
    if path is None:
        return RoutesFile(ROUTES, {})
    file = _read(path)
    routes = {route.prefix: route for route in ROUTES}
    for prefix, entry in file.routes.items():
        routes[prefix] = _with_entry(routes.get(prefix), prefix, entry, path)
    return RoutesFile(tuple(routes.values()), {str(name): entry for name, entry in file.limits.items()})


def _read(path: Path) -> _File:
    try:
        return _File.model_validate(tomllib.loads(path.read_text("utf-8")))
    except ValidationError as error:
        lines = [f"{_location(item['loc'])}: {item['msg']}" for item in error.errors()]
        raise RoutesFileError("\n".join([f"{path}:", *lines])) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RoutesFileError(f"{path}: {error}") from None


def _with_entry(route: Route | None, prefix: str, entry: RouteEntry, path: Path) -> Route:
    fields: dict[str, Any] = entry.model_dump(exclude_none=True)
    if route is not None:
        return replace(route, **fields)
    if entry.service is None:
        raise RoutesFileError(f'{path}: routes."{prefix}".service: a route that is not built in needs a service')
    return Route(prefix, **fields)


def _location(location: tuple[int | str, ...]) -> str:
    return ".".join(f'"{part}"' if str(part).startswith("/") else str(part) for part in location)
