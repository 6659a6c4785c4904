"""What an operator changes about routes and limits, in a file: read at start, and again when told so.

    [limits.write]
    rate = 60
    burst = 300

    [routes."/media"]
    timeout = 60
    body_limit = 134217728

An entry changes what it names of the built-in route with its prefix; one with another prefix makes a new route, which
needs a `service`.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gateway.limits import Policy
from gateway.routes import ROUTES, SERVICES, Route

Prefix = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._-]+)+$")]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class RoutesFileError(ValueError):
    """The file cannot be used; the message has a line for each entry that is wrong."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _known(service: str) -> str:
    if service not in SERVICES:
        raise ValueError(f"is none of {', '.join(SERVICES)}")
    return service


class RouteEntry(_Strict):
    """The fields of a Route; those that are not given stay as they are."""

    service: Annotated[str, AfterValidator(_known)] | None = None
    timeout: Seconds | None = None
    rate: Literal["default", "sign-in"] | None = None
    checks_identity: bool | None = None
    body_limit: Annotated[int, Field(gt=0)] | None = None
    compresses: bool | None = None
    websocket: bool | None = None
    max_streams: Annotated[int, Field(gt=0)] | None = None


class LimitEntry(_Strict):
    """`rate` per second and how many at once."""

    rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    burst: Annotated[int, Field(gt=0)]


class _File(_Strict):
    limits: dict[Literal["ip", "credential", "write", "sign-in"], LimitEntry] = {}
    routes: dict[Prefix, RouteEntry] = {}


@dataclass(frozen=True, slots=True)
class Changes:
    """All routes, and the limits that are not as the settings say, by name."""

    routes: Sequence[Route]
    limits: Mapping[str, Policy]


def read_changes(path: Path | None) -> Changes:
    """The file's changes to what is built in; None for no file. Raises RoutesFileError."""
    if path is None:
        return Changes(ROUTES, {})
    file = _read(path)
    limits: dict[str, Policy] = {name: Policy(name, entry.rate, entry.burst) for name, entry in file.limits.items()}
    routes = {route.prefix: route for route in ROUTES}
    for prefix, entry in file.routes.items():
        routes[prefix] = _changed(routes.get(prefix), prefix, entry, path)
    return Changes(tuple(routes.values()), limits)


def _read(path: Path) -> _File:
    try:
        return _File.model_validate(tomllib.loads(path.read_text("utf-8")))
    except ValidationError as error:
        lines = [f"{_place(found['loc'])}: {found['msg']}" for found in error.errors()]
        raise RoutesFileError("\n".join([f"{path}:", *lines])) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RoutesFileError(f"{path}: {error}") from None


def _changed(route: Route | None, prefix: str, entry: RouteEntry, path: Path) -> Route:
    given: dict[str, Any] = entry.model_dump(exclude_none=True)
    if route is not None:
        return replace(route, **given)
    if entry.service is None:
        raise RoutesFileError(f'{path}: routes."{prefix}".service: a route that is not built in needs one')
    return Route(prefix, **given)


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(f'"{part}"' if str(part).startswith("/") else str(part) for part in location)
