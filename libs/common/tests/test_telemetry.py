"""With a collector configured, a request becomes a span of the incoming trace."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from common import telemetry
from common.clock import now
from common.context import Origin, current
from common.contracts.auth import SessionRevoked
from common.events.cloudevent import CloudEvent
from common.ids import new_id

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

    def spans(self) -> dict[str, tuple[str, int]]:
        """name → (trace id, number of links)"""
        return {
            span.name: (span.trace_id.hex(), len(span.links))
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }


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
    with telemetry.consumer_span("shop.orders", [cloud_event.origin() for cloud_event in cloud_events]):
        pass
    await asyncio.to_thread(telemetry.stop, "shop")
    assert inner.traceparent is not None
    assert inner.traceparent.startswith(f"00-{TRACE}-")
    assert inner.traceparent != PARENT
    assert collector.spans() == {"GET /me": (TRACE, 0), "process shop.orders": (TRACE, 2)}


async def test_without_a_collector_the_trace_context_passes_through() -> None:
    with telemetry.span("silent", "http", Origin("request-1", traceparent=PARENT)) as inner:
        assert current() == inner
    assert inner.traceparent == PARENT
