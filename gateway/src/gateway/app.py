"""The composition root: settings and a started transport in, an ASGI application out."""

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial

import httpx
from prometheus_client import start_http_server
from starlette.types import Receive, Scope, Send

from common import telemetry
from common.bus.transport import Transport
from common.drain import Drain
from common.exposition import registry_of
from common.http_client import HttpClient
from common.jobs import background, run_jobs
from common.security.tokens import TokenVerifier
from common.security.verification import VerifierRefresh, http_verifier
from gateway.cache.fast_path import CacheFastPath
from gateway.cache.forwarder import CachingForwarder
from gateway.cache.invalidation import purge_on_events
from gateway.cache.response_cache import ResponseCache
from gateway.credentials.api_keys import ApiKeyExchange
from gateway.credentials.authenticator import Authenticator
from gateway.credentials.connection_registry import ConnectionRegistry
from gateway.credentials.identity_events import apply_identity_events
from gateway.credentials.sessions import SessionClient
from gateway.http.access_log import AccessLog
from gateway.http.client_address import TrustedProxies
from gateway.http.cors import Cors
from gateway.http.headers import Header, HeaderLimits
from gateway.http.inspection import RequestInspector
from gateway.http.lifespan import Lifespan
from gateway.http.protocol import EdgeProtocol
from gateway.http.request_log import RequestLog
from gateway.limits.bodies import BodyLimits
from gateway.limits.limiter import Limiter, Policy
from gateway.limits.shared import GCRA, SharedLimits
from gateway.limits.streams import StreamLimits
from gateway.limits.throttle import Throttle
from gateway.pages.all_pages import all_pages
from gateway.pipeline import Pipeline
from gateway.proxy.forwarder import Forwarder
from gateway.proxy.pool import ConnectionPool
from gateway.proxy.request_body import Pace
from gateway.proxy.upstream import Upstream
from gateway.proxy.websockets import WebSockets
from gateway.routing.routes import SERVICES
from gateway.routing.routes_file import LimitEntry, RoutesFileError, read_routes_file
from gateway.routing.table import RouteTable
from gateway.settings import Settings

log = logging.getLogger(__name__)

AUTH_TIMEOUT_SECONDS = 2.0


def build(settings: Settings, transport: Transport) -> "Gateway":
    """The caller starts and closes the transport."""
    return Gateway(settings, transport)


class Gateway:
    """The ASGI application. Its lifespan loads keys and revocations, and publishes the request log.

    `http_protocol` is the protocol class for the server that runs it, `drain` what the server begins before it stops.
    """

    http_protocol = EdgeProtocol

    def __init__(self, settings: Settings, transport: Transport) -> None:
        self._settings = settings
        self._transport = transport
        self.drain = Drain()
        self._pipeline: Pipeline | None = None
        self._fast_path: CacheFastPath | None = None
        self._lifespan = Lifespan(self._run)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan.serve(receive, send)
        elif scope["type"] == "http" and self._pipeline is not None:
            await self._pipeline.serve(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def cached_response(self, target: bytes, scope: Scope, server_headers: Sequence[Header]) -> bytes | None:
        """The whole response to a GET or HEAD if it is cached: see `EdgeProtocol`."""
        return None if self._fast_path is None else self._fast_path.respond(target, scope, server_headers)

    @asynccontextmanager
    async def _run(self) -> AsyncIterator[None]:
        settings = self._settings
        if settings.is_production and not settings.trusted_proxies:
            log.warning("DUKAN_TRUSTED_PROXIES is empty: all clients behind a load balancer would share its limits")
        async with AsyncExitStack() as stack:
            telemetry.start("gateway", settings.otel_endpoint, settings.trace_sample_ratio)
            stack.push_async_callback(asyncio.to_thread, telemetry.stop, "gateway")
            client = HttpClient(trust_env=False, timeout=AUTH_TIMEOUT_SECONDS)
            await stack.enter_async_context(client)
            verifier = await stack.enter_async_context(http_verifier(settings))
            connections = await self._watch_identities(stack, verifier)
            cache = ResponseCache(settings.cache_bytes, settings.cache_entries)
            await purge_on_events(self._transport, cache)
            self._pipeline = pipeline = await self._build_pipeline(stack, client, verifier, connections, cache)
            self._fast_path = CacheFastPath(cache, pipeline.inspector, pipeline.throttle, pipeline.access_log)
            if settings.metrics_port:
                stack.callback(_serve_metrics(settings.host, settings.metrics_port))
            if settings.redis_url:
                pipeline.throttle.shared = await _shared_limits(stack, settings, settings.redis_url)
            if settings.routes_file is not None:
                stack.enter_context(_on_hangup(partial(_reload, settings, pipeline)))
            yield

    async def _watch_identities(self, stack: AsyncExitStack, verifier: TokenVerifier) -> ConnectionRegistry:
        """Keep the verifier current and end connections whose identity is no longer valid."""
        connections = ConnectionRegistry(verifier.revocations)
        await stack.enter_async_context(background({"connections": connections.watch()}))
        verification = VerifierRefresh(verifier)
        # Before the snapshot is loaded, so that no event between the two is missed.
        await apply_identity_events(self._transport, verification, connections)
        await stack.enter_async_context(run_jobs("gateway", verification.jobs))
        return connections

    async def _build_pipeline(
        self,
        stack: AsyncExitStack,
        client: httpx.AsyncClient,
        verifier: TokenVerifier,
        connections: ConnectionRegistry,
        cache: ResponseCache,
    ) -> Pipeline:
        settings = self._settings
        request_log = RequestLog(self._transport)
        await stack.enter_async_context(request_log.running())
        routes_file = read_routes_file(settings.routes_file)
        urls = {service: settings.url_of(service) for service in SERVICES}
        forwarder = _forwarder(stack, settings, connections, self.drain)
        cors = Cors(settings.cors_origins, allow_localhost=not settings.is_production)
        limits = HeaderLimits(settings.max_headers, settings.max_header_bytes)
        return Pipeline(
            inspector=RequestInspector(limits, TrustedProxies(settings.trusted_proxies), cors),
            throttle=_throttle(settings, routes_file.limits),
            pages=all_pages(
                client,
                urls,
                lambda: {"accepting": not self.drain.has_begun, "identity": verifier.ready},
                lambda: self._transport.connected,
                public_metrics=settings.metrics_public,
            ),
            routes=RouteTable(routes_file.routes, settings.max_timeout),
            authenticator=_authenticator(settings, client, verifier),
            forwarder=CachingForwarder(cache, forwarder),
            websockets=WebSockets(forwarder, cors),
            access_log=AccessLog(request_log),
            drain=self.drain,
        )


def _authenticator(settings: Settings, client: httpx.AsyncClient, verifier: TokenVerifier) -> Authenticator:
    url = settings.url_of("auth")
    api_keys, sessions = ApiKeyExchange(client, url), SessionClient(client, url)
    return Authenticator(verifier, api_keys, sessions, insecure_cookies=not settings.is_production)


def _forwarder(stack: AsyncExitStack, settings: Settings, connections: ConnectionRegistry, drain: Drain) -> Forwarder:
    upstreams = {service: _upstream(settings, service) for service in SERVICES}
    for upstream in upstreams.values():
        stack.callback(upstream.pool.close)
    return Forwarder(
        upstreams=upstreams,
        max_body_bytes=settings.max_body_bytes,
        pace=Pace(settings.client_idle_timeout, settings.min_body_rate, settings.max_body_seconds),
        bodies=BodyLimits(settings.max_bodies, settings.max_bodies_per_address),
        upstream_idle_timeout=settings.upstream_idle_timeout,
        connections=connections,
        streams=StreamLimits(settings.max_streams, exempts_loopback=not settings.is_production),
        drain=drain,
    )


def _upstream(settings: Settings, service: str) -> Upstream:
    pool = ConnectionPool(settings.url_of(service), settings.connect_timeout, settings.upstream_max_age)
    return Upstream(service, pool, settings.max_in_flight)


def _throttle(settings: Settings, changes: Mapping[str, LimitEntry]) -> Throttle:
    policies = _policies(settings, changes)
    return Throttle(
        by_ip=Limiter(policies["ip"]),
        by_credential=Limiter(policies["credential"]),
        write=Limiter(policies["write"]),
        sign_in=Limiter(policies["sign-in"]),
        exempts_loopback=not settings.is_production,
    )


def _policies(settings: Settings, changes: Mapping[str, LimitEntry]) -> dict[str, Policy]:
    """The settings' policies by name, replaced by those of the routes file."""
    policies = {
        "ip": Policy("ip", settings.ip_rate, settings.ip_burst),
        "credential": Policy("credential", settings.credential_rate, settings.credential_burst),
        "write": Policy("write", settings.write_rate, settings.write_burst),
        "sign-in": Policy("sign-in", settings.sign_in_rate, settings.sign_in_burst),
    }
    return policies | {name: Policy(name, entry.rate, entry.burst) for name, entry in changes.items()}


def _serve_metrics(host: str, port: int) -> Callable[[], None]:
    """Serve /metrics, and nothing else, on a port that clients cannot reach. Returns what stops it."""
    server, thread = start_http_server(port, host, registry_of("gateway"))

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop


async def _shared_limits(stack: AsyncExitStack, settings: Settings, url: str) -> SharedLimits:
    # Imported here: a gateway without DUKAN_REDIS_URL does not load redis-py.
    from gateway.limits.redis_script import RedisScript  # noqa: PLC0415

    script = RedisScript(url, GCRA)
    await stack.enter_async_context(background({"redis": script.keep_connected()}))
    return SharedLimits(script, settings.limits_closed)


def _reload(settings: Settings, pipeline: Pipeline) -> None:
    """Read the routes file again. Requests in progress keep the routes that they found."""
    try:
        routes_file = read_routes_file(settings.routes_file)
    except RoutesFileError as error:
        log.warning("the routes do not change: %s", error)
        return
    pipeline.routes = RouteTable(routes_file.routes, settings.max_timeout)
    pipeline.throttle.set_policies(_policies(settings, routes_file.limits))
    log.info("%s was read again", settings.routes_file)


@contextmanager
def _on_hangup(reload: Callable[[], None]) -> Iterator[None]:
    """Call `reload` on SIGHUP, where that is possible: not on Windows, and only in a process's main thread."""
    if not hasattr(signal, "SIGHUP") or threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
