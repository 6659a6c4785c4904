"""The parts of a service: `app.py` of each service builds one, the web application and the bus run it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter

from common.contracts.event import Event
from common.drain import Drain
from common.jobs import Job
from common.persistence.database import Database
from common.security.tokens import TokenVerifier
from common.settings import ServiceSettings
from common.web.fast_path import FastHandler


@dataclass(frozen=True, slots=True)
class Listener:
    """Receives events in every process, without durability: events missed while disconnected are lost. For caches."""

    types: Sequence[type[Event]]
    handle: Callable[[Any], object]


@dataclass(slots=True)
class Service:
    """One bounded context, wired.

    - `routers` are mounted under /api/v1, except routes under /internal, which stay at the root: the gateway forwards
      /api/v1 only and cannot reach them. `root_routers` are mounted at the root too, for paths that a standard
      prescribes (/.well-known/…).
    - `subscribers` are modules or objects with @subscribe functions.
    - `resources` are entered at start and exited, in reverse, at the end.
    - `state` becomes `request.app.state.<name>`.
    - `body_limits` are bytes by path prefix (`{"/media": 50_000_000}`), where the settings' limit does not fit.
    - `fast_reads` (GET) and `fast_posts` are fast handlers by path below /api/v1 (see common.web.fast_path).
    - `drain` begins when the process is told to stop: see common.drain.
    - `verifier` replaces the one that fetches keys from auth over HTTP: auth itself brings its own.
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
    drain: Drain = field(default_factory=Drain)
    verifier: TokenVerifier | None = None
    root_routers: list[APIRouter] = field(default_factory=list)
