"""Tracing with OpenTelemetry: off unless a collector's endpoint is configured, then OTLP over http/protobuf.

If it is off, a received `traceparent` is still passed on, in requests and in events, so that a trace that started
outside continues. Trace context: W3C Trace Context level 1.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from common.context import Origin, use_origin

_propagator = TraceContextTextMapPropagator()
_providers: dict[str, TracerProvider] = {}


def start(service: str, endpoint: str | None) -> None:
    """Send traces of `service` to the collector at `endpoint`; without one, do nothing."""
    if endpoint and service not in _providers:
        provider = TracerProvider(resource=Resource.create({"service.name": f"dukan-{service}"}))
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        _providers[service] = provider


def is_on(service: str) -> bool:
    return service in _providers


def stop(service: str) -> None:
    """Send the buffered spans. Blocks for up to the exporter's time-out: call it in a thread."""
    if provider := _providers.pop(service, None):
        provider.shutdown()


@contextmanager
def span(
    service: str,
    name: str,
    origin: Origin,
    kind: SpanKind = SpanKind.INTERNAL,
) -> Iterator[Origin]:
    """Run the block with this origin, in a span if tracing is on. Yields the origin of the block's effects."""
    provider = _providers.get(service)
    if provider is None:
        with use_origin(origin):
            yield origin
        return
    parent = _propagator.extract(_carrier(origin))
    tracer = provider.get_tracer("dukan")
    with tracer.start_as_current_span(name, parent, kind) as current:
        inner = replace(origin, traceparent=traceparent_of(current))
        with use_origin(inner):
            yield inner


@contextmanager
def consumer_span(consumer: str, origins: Iterable[Origin]) -> Iterator[None]:
    """Trace the handling of a batch: the first event's trace is the parent, the others are linked.

    `origins`, of which there is at least one, are not iterated over without an exporter.
    """
    provider = _providers.get(consumer.split(".", 1)[0])
    if provider is None:
        yield
        return
    parents = [_propagator.extract(_carrier(origin)) for origin in origins]
    links = [Link(get_current_span(parent).get_span_context()) for parent in parents[1:]]
    attributes: dict[str, AttributeValue] = {
        "messaging.destination.name": consumer,
        "messaging.batch.message_count": len(parents),
    }
    tracer = provider.get_tracer("dukan")
    name = f"process {consumer}"
    with tracer.start_as_current_span(name, parents[0], SpanKind.CONSUMER, attributes, links):
        yield


def rename(name: str, attributes: Mapping[str, AttributeValue], *, failed: bool = False) -> None:
    """Rename the current span by facts that are known only at its end."""
    current = get_current_span()
    if current.is_recording():
        current.update_name(name)
        current.set_attributes(attributes)
        if failed:
            current.set_status(Status(StatusCode.ERROR))


def traceparent_of(current: Span) -> str:
    context = current.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def new_traceparent() -> str:
    """A new trace, not sampled here; others may sample it."""
    random = os.urandom(24).hex()
    return f"00-{random[:32]}-{random[32:]}-00"


def _carrier(origin: Origin) -> dict[str, str]:
    carrier = {"traceparent": origin.traceparent, "tracestate": origin.tracestate}
    return {name: value for name, value in carrier.items() if value}
