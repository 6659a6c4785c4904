"""What a service is made of. `app.py` of each service builds one; the web application and the bus run it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter

from common.contracts.event import Event
from common.jobs import Job
from common.persistence.database import Database
from common.security.tokens import TokenVerifier
from common.settings import ServiceSettings
from common.web.fast_path import FastHandler


@dataclass(frozen=True, slots=True)
class Listener:
    """Told of events in every process, without durability: what is missed while away stays missed. For caches."""

    types: Sequence[type[Event]]
    handle: Callable[[Any], object]


@dataclass(slots=True)
class Service:
    """One bounded context, wired.

    Routers are mounted under /api/v1, except routes under /internal, which stay at the root where the gateway,
    forwarding /api/v1 only, cannot reach them. `root_routers` are mounted at the root as well: for documents whose
    place the world has fixed (/.well-known/…). Subscribers are modules or objects with @subscribe functions.
    Resources are entered at start and left, in reverse, at the end. `state` becomes `request.app.state.<name>`.
    `body_limits` are bytes by path prefix (`{"/media": 50_000_000}`) where the settings' limit does not fit.
    `fast_reads` (GET) and `fast_posts` are answered before FastAPI routes, by path below /api/v1
    (see common.web.fast_path).
    A `verifier` replaces the one that asks auth over HTTP: auth itself gives its own.
    """

    name: str
    settings: ServiceSettings
    database: Database
    routers: list[APIRouter] = field(default_factory=list)
    subscribers: list[Any] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    resources: list[AbstractAsyncContextManager[Any]] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)
    listeners: list[Listener] = field(default_factory=list)
    body_limits: dict[str, int] = field(default_factory=dict)
    fast_reads: Mapping[str, FastHandler] = field(default_factory=dict)
    fast_posts: Mapping[str, FastHandler] = field(default_factory=dict)
    verifier: TokenVerifier | None = None
    root_routers: list[APIRouter] = field(default_factory=list)
