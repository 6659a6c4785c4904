"""An OpenTelemetry collector in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class CollectedSpan:
    """`kind` is OpenTelemetry's number: 2 server, 3 client, 4 producer, 5 consumer."""

    service: str
    name: str
    kind: int
    trace: str
    id: str
    parent: str


@dataclass
class Collector:
    endpoint: str = ""
    spans: list[CollectedSpan] = field(default_factory=list)

    def of(self, trace: str) -> list[CollectedSpan]:
        return [span for span in self.spans if span.trace == trace]

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
        body = await reader.readexactly(int(length.partition(":")[2]))
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                self.spans.append(
                    CollectedSpan(
                        names["service.name"].removeprefix("dukan-"),
                        span.name,
                        span.kind,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                    )
                )
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    server = await asyncio.start_server(collector.take, "127.0.0.1", 0)
    async with server:
        collector.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield collector
