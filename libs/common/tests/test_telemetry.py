"""With a collector configured, a request becomes a span of the incoming trace."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import SpanKind

from common import logs, telemetry
from common.clock import now
from common.context import Origin, current
from common.contracts.auth import SessionRevoked
from common.events.cloudevent import CloudEvent
from common.http_client import HttpClient
from common.ids import new_id
from common.testing.plugin import FreshDatabase
from common.web.access_log import origin_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Collector:
    """Accepts OTLP over http/protobuf, as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.requests: list[ExportTraceServiceRequest] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
        body = await reader.readexactly(int(length.partition(":")[2]))
        self.requests.append(ExportTraceServiceRequest.FromString(body))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    def spans(self) -> dict[str, set[str]]:
        """name → trace ids"""
        found: dict[str, set[str]] = {}
        for request in self.requests:
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        found.setdefault(span.name, set()).add(span.trace_id.hex())
        return found


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    collector = Collector()
    server = await asyncio.start_server(collector.take, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        collector.endpoint = f"http://127.0.0.1:{port}"
        yield collector


async def test_spans_continue_the_incoming_trace(collector: Collector) -> None:
    telemetry.start("shop", collector.endpoint)
    events = [SessionRevoked(session_id=new_id(), user_id=new_id(), expires_at=now(), reason="x") for _ in range(3)]
    with telemetry.span("shop", "http", Origin("request-1", traceparent=PARENT)) as inner:
        assert current() == inner
        telemetry.rename("GET /me", {"http.route": "/me"})
        cloud_events = [CloudEvent.of(event) for event in events]
    with telemetry.consumer_spans("shop.orders", [cloud_event.origin() for cloud_event in cloud_events]) as effects:
        assert telemetry.current_span() is not None
    await asyncio.to_thread(telemetry.stop, "shop")
    assert inner.traceparent is not None
    assert inner.traceparent.startswith(f"00-{TRACE}-")
    assert inner.traceparent != PARENT
    assert {str(effect.traceparent)[3:35] for effect in effects} == {TRACE}
    assert len({effect.traceparent for effect in effects}) == 3
    assert collector.spans() == {"GET /me": {TRACE}, "process shop.orders": {TRACE}}


async def test_without_a_collector_the_trace_context_passes_through() -> None:
    with telemetry.span("silent", "http", Origin("request-1", traceparent=PARENT)) as inner:
        assert current() == inner
    assert inner.traceparent == PARENT


async def in_a_request(headers: list[tuple[bytes, bytes]]) -> str:
    """The traceparent that a request with these headers passes on."""
    with telemetry.span("shop", "http", origin_of(headers)) as inner:
        telemetry.rename("GET /me", {})
        return str(inner.traceparent)


def is_sampled(traceparent: str) -> bool:
    """The lowest bit of the flags; others may be set as well."""
    return bool(int(traceparent[-2:], 16) & 1)


@pytest.mark.parametrize("headers", [[], [(b"x-request-id", b"request-1")], [(b"traceparent", b"nonsense")]])
async def test_a_request_without_a_trace_begins_one_that_is_sampled(
    collector: Collector, headers: list[tuple[bytes, bytes]]
) -> None:
    telemetry.start("shop", collector.endpoint)
    passed_on = await in_a_request(headers)
    await asyncio.to_thread(telemetry.stop, "shop")
    assert is_sampled(passed_on)
    assert collector.spans() == {"GET /me": {passed_on[3:35]}}


async def test_the_ratio_decides_about_traces_that_begin_here_only(collector: Collector) -> None:
    telemetry.start("shop", collector.endpoint, 0.0)
    assert not is_sampled(await in_a_request([]))
    assert is_sampled(await in_a_request([(b"traceparent", PARENT.encode())]))
    await asyncio.to_thread(telemetry.stop, "shop")
    assert collector.spans() == {"GET /me": {TRACE}}


async def test_events_are_sent_in_spans_of_their_own_traces(collector: Collector) -> None:
    telemetry.start("shop", collector.endpoint)
    origins = [Origin("r-1", traceparent=PARENT), Origin("r-2"), Origin("r-3", traceparent=PARENT)]
    with telemetry.producer_spans("shop", ["a.v1", "b.v1", "c.v1"], origins) as sent:
        pass
    await asyncio.to_thread(telemetry.stop, "shop")
    assert [each and each[3:35] for each in sent] == [TRACE, None, TRACE]
    assert PARENT not in sent
    assert collector.spans() == {"send a.v1": {TRACE}, "send c.v1": {TRACE}}


async def test_transactions_statements_and_calls_are_client_spans(
    collector: Collector, fresh_database: FreshDatabase
) -> None:
    database = await fresh_database("common")
    logs.service_name.set("shop")
    telemetry.start("shop", collector.endpoint)
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("traceparent"))
        return httpx.Response(204)

    async with HttpClient(transport=httpx.MockTransport(answer)) as client:
        with telemetry.span("shop", "http", Origin("request-1", traceparent=PARENT)):
            async with database.begin() as tx:
                await tx.sql.fetchval("SELECT 1")
            await client.get("http://catalog/prices?secret=1")
        await client.get("http://catalog/prices")
    async with database.begin() as tx:
        await tx.sql.fetchval("SELECT 2")
    await asyncio.to_thread(telemetry.stop, "shop")
    spans = collector.spans()
    assert set().union(*spans.values()) == {TRACE}
    assert {"http", "SELECT", "GET catalog"} < set(spans)
    assert any(name.startswith("transaction ") for name in spans)
    assert str(seen[0]).startswith(f"00-{TRACE}-")
    assert seen[1] is None


async def test_without_a_collector_nothing_is_made(fresh_database: FreshDatabase) -> None:
    database = await fresh_database("common")
    origins = [Origin("request-1", traceparent=PARENT)]
    with telemetry.span("silent", "http", origins[0]):
        assert telemetry.current_span() is None
        assert telemetry.start_child("x", SpanKind.CLIENT, {}) is None
        async with database.begin() as tx:
            assert not tx.sql._query_loggers
        with telemetry.consumer_spans("silent.orders", origins) as effects:
            assert effects is origins
