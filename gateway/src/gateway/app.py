"""The gateway, wired: settings and a started transport in, an ASGI application out."""

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import httpx
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import Receive, Scope, Send

from common import telemetry
from common.bus.transport import Transport
from common.contracts.auth import SessionRevoked, SigningKeysWithdrawn
from common.events.cloudevent import CloudEvent
from common.jobs import run_jobs
from common.security.tokens import TokenVerifier
from common.security.verification import VerifierRefresh, http_verifier
from gateway.api_keys import ApiKeys
from gateway.cache import Cache
from gateway.clients import Clients
from gateway.cors import Cors
from gateway.docs import docs_pages
from gateway.edge import Edge
from gateway.events_page import event_pages
from gateway.forward import Forwarder
from gateway.headers import Header, HeaderLimits
from gateway.health import Health
from gateway.held import Held
from gateway.hits import Hits
from gateway.identity import Gatekeeper
from gateway.lifespan import Lifespan
from gateway.limits import Limiter, Policy
from gateway.observe import Observer
from gateway.openapi import OpenApi
from gateway.pages import Content, Page, page, with_slashes
from gateway.pool import Pool
from gateway.protocol import EdgeProtocol
from gateway.redis import Script
from gateway.request_log import RequestLog
from gateway.routes import SERVICES, RouteTable
from gateway.routes_file import Changes, RoutesFileError, read_changes
from gateway.sessions import Sessions
from gateway.settings import Settings
from gateway.shared_limits import GCRA, SharedLimits
from gateway.sharing import CHANGES, Sharing
from gateway.sockets import Sockets
from gateway.streams import Streams
from gateway.throttle import Throttle
from gateway.upstream import Upstream
from gateway.welcome import Welcome

log = logging.getLogger(__name__)


def build(settings: Settings, transport: Transport) -> "Gateway":
    """The transport is started before and closed after by whoever made it."""
    return Gateway(settings, transport)


class Gateway:
    """The ASGI application. Its lifespan loads keys and revocations and publishes the request log.

    `http_protocol` is how the server in front of it should read requests.
    """

    http_protocol = EdgeProtocol

    def __init__(self, settings: Settings, transport: Transport) -> None:
        self._settings = settings
        self._transport = transport
        self._edge: Edge | None = None
        self._hits: Hits | None = None
        self._lifespan = Lifespan(self._run)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan.serve(receive, send)
        elif scope["type"] == "http" and self._edge is not None:
            await self._edge.serve(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def answer_at_once(self, target: bytes, scope: Scope, given: Sequence[Header]) -> bytes | None:
        """The whole answer to a GET, if it is at hand: see `EdgeProtocol`."""
        return None if self._hits is None else self._hits.answer(target, scope, given)

    @asynccontextmanager
    async def _run(self) -> AsyncIterator[None]:
        settings = self._settings
        if settings.is_production and not settings.trusted_proxies:
            log.warning(
                "DUKAN_TRUSTED_PROXIES is empty: behind a load balancer, all its clients would share its limits"
            )
        async with AsyncExitStack() as stack:
            telemetry.start("gateway", settings.otel_endpoint)
            stack.push_async_callback(asyncio.to_thread, telemetry.stop, "gateway")
            inquiries = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=2.0))
            verifier = await stack.enter_async_context(http_verifier(settings))
            held = Held(verifier.revocations)
            await stack.enter_async_context(_in_background(held.watch()))
            # Heard before the snapshot is loaded, so that none falls between.
            verification = VerifierRefresh(verifier)
            await self._hear_of_identity(verification, held)
            await stack.enter_async_context(run_jobs("gateway", verification.jobs))
            request_log = RequestLog(self._transport)
            await stack.enter_async_context(request_log.running())
            cache = Cache(settings.cache_bytes, settings.cache_entries)
            await self._hear_changes(cache)
            pages = self._pages(inquiries, verifier)
            upstreams = {name: _upstream(settings, name) for name in SERVICES}
            for upstream in upstreams.values():
                stack.callback(upstream.pool.close)
            forwarder = _forwarder(settings, upstreams, held)
            api_keys = ApiKeys(inquiries, settings.url_of("auth"))
            sessions = Sessions(inquiries, settings.url_of("auth"))
            gatekeeper = Gatekeeper(verifier, api_keys, sessions, plain_cookies=not settings.is_production)
            self._edge = edge = _edge(settings, Sharing(cache, forwarder), gatekeeper, pages, request_log)
            self._hits = Hits(cache, edge.header_limits, edge.clients, edge.cors, edge.throttle, edge.observer)
            if settings.redis_url:
                script = Script(settings.redis_url, GCRA)
                await stack.enter_async_context(_in_background(script.keep_connected()))
                edge.throttle.shared = SharedLimits(script, settings.limits_closed)
            if settings.routes_file is not None:
                stack.enter_context(_on_hangup(partial(_reread, settings, edge)))
            yield

    async def _hear_of_identity(self, verification: VerifierRefresh, held: Held) -> None:
        types = {event.type: event for event in VerifierRefresh.HEARD}

        def hear(cloud_event: CloudEvent) -> None:
            try:
                event = types[cloud_event.type].model_validate_json(cloud_event.data)
                verification.hear(event)
                match event:
                    case SessionRevoked():
                        held.on_revoked(event.session_id)
                    case SigningKeysWithdrawn():
                        held.on_keys_withdrawn()
            except ValueError:
                # The embedded bus tells listeners as it publishes: what cannot be read is not the publisher's fault.
                log.exception("a revocation could not be read")

        await self._transport.listen(list(types), hear)

    async def _hear_changes(self, cache: Cache) -> None:
        """Whatever instance or process a change came through, answers that it made wrong are forgotten."""
        families = {event.type: family for event, family in CHANGES.items()}
        await self._transport.listen(list(families), lambda cloud_event: cache.purge(families[cloud_event.type]))

    def _pages(self, inquiries: httpx.AsyncClient, verifier: TokenVerifier) -> dict[str, Page]:
        urls = {service: self._settings.url_of(service) for service in SERVICES}
        health = Health(inquiries, urls, lambda: {"identity": verifier.ready, "bus": self._transport.connected})
        pages = {
            "/": page(Welcome(health).content),
            "/health": page(health.platform),
            "/health/live": page(health.live),
            "/health/ready": page(health.readiness),
            "/metrics": page(_metrics),
            "/openapi.json": page(OpenApi(inquiries, urls).content),
            **docs_pages(),
            **event_pages(),
        }
        return with_slashes(pages)


def _upstream(settings: Settings, service: str) -> Upstream:
    return Upstream(service, Pool(settings.url_of(service), settings.connect_timeout), settings.max_in_flight)


def _forwarder(settings: Settings, upstreams: Mapping[str, Upstream], held: Held) -> Forwarder:
    idle = (settings.client_idle_timeout, settings.upstream_idle_timeout)
    streams = Streams(settings.max_streams, exempts_loopback=not settings.is_production)
    return Forwarder(upstreams, settings.max_body_bytes, *idle, held, streams)


@asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _edge(
    settings: Settings,
    sharing: Sharing,
    gatekeeper: Gatekeeper,
    pages: Mapping[str, Page],
    request_log: RequestLog,
) -> Edge:
    changes = read_changes(settings.routes_file)
    cors = Cors(settings.cors_origins, allow_localhost=not settings.is_production)
    return Edge(
        header_limits=HeaderLimits(settings.max_headers, settings.max_header_bytes),
        clients=Clients(settings.trusted_proxies),
        cors=cors,
        throttle=_throttle(settings, changes),
        pages=pages,
        routes=RouteTable(changes.routes, settings.longest_timeout),
        gatekeeper=gatekeeper,
        sharing=sharing,
        sockets=Sockets(sharing.forwarder, cors, sharing.forwarder.held),
        observer=Observer(request_log),
    )


def _throttle(settings: Settings, changes: Changes) -> Throttle:
    policies = _policies(settings, changes)
    return Throttle(
        by_ip=Limiter(policies["ip"]),
        by_credential=Limiter(policies["credential"]),
        write=Limiter(policies["write"]),
        sign_in=Limiter(policies["sign-in"]),
        exempts_loopback=not settings.is_production,
    )


def _policies(settings: Settings, changes: Changes) -> dict[str, Policy]:
    set_ = (
        Policy("ip", settings.ip_rate, settings.ip_burst),
        Policy("credential", settings.credential_rate, settings.credential_burst),
        Policy("write", settings.write_rate, settings.write_burst),
        Policy("sign-in", settings.sign_in_rate, settings.sign_in_burst),
    )
    return {policy.name: policy for policy in set_} | dict(changes.limits)


def _reread(settings: Settings, edge: Edge) -> None:
    """Requests under way go on by the routes that they found."""
    try:
        changes = read_changes(settings.routes_file)
    except RoutesFileError as error:
        log.warning("the routes stay as they were: %s", error)
        return
    edge.routes = RouteTable(changes.routes, settings.longest_timeout)
    edge.throttle.adopt(_policies(settings, changes))
    log.info("%s was read again", settings.routes_file)


@contextmanager
def _on_hangup(reread: Callable[[], None]) -> Iterator[None]:
    """Where there are such signals: not on Windows, and only in a process's main thread."""
    if not hasattr(signal, "SIGHUP") or threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reread)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


async def _metrics() -> Content:
    return Content(CONTENT_TYPE_LATEST.encode(), generate_latest())
