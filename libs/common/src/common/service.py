"""What a service is made of. `app.py` of each service builds one; the web application and the bus run it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from common.contracts.event import Event
from common.persistence.database import Database
from common.settings import ServiceSettings

if TYPE_CHECKING:
    from common.web.hot import Answer
    from common.web.tokens import TokenVerifier


@dataclass(slots=True)
class Job:
    """Work on a clock: `run` every `every` seconds, and again at once while it reports that it did something (> 0).

    A failing run is logged and tried again later; it never ends the job.
    """

    name: str
    every: float
    run: Callable[[], Awaitable[int | None]]
    _woken: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)

    def wake(self) -> None:
        """Run soon instead of at the next tick; safe to call from `tx.after_commit`."""
        self._woken.set()

    async def pause(self, seconds: float) -> None:
        """Wait for `seconds`, or less when woken."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()


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
    `hot_reads` (GET) and `hot_posts` are answered ahead of the framework, by path below /api/v1 (see common.web.hot).
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
    hot_reads: "Mapping[str, Answer]" = field(default_factory=dict)
    hot_posts: "Mapping[str, Answer]" = field(default_factory=dict)
    verifier: "TokenVerifier | None" = None
    root_routers: list[APIRouter] = field(default_factory=list)
