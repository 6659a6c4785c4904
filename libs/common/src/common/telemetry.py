"""Tracing with OpenTelemetry: off unless a collector's endpoint is configured, then OTLP over http/protobuf.

If it is off, a received `traceparent` is still passed on, in requests and in events, so that a trace that started
outside continues. Trace context: W3C Trace Context level 1.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, get_current_span, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from common import logs
from common.context import Origin, use_origin

_propagator = TraceContextTextMapPropagator()
_providers: dict[str, TracerProvider] = {}


def start(service: str, endpoint: str | None, sample_ratio: float = 1.0) -> None:
    """Send traces of `service` to the collector at `endpoint`; without one, do nothing.

    `sample_ratio` is the share of sampled traces among those that begin here; others are as their caller decided.
    """
    if endpoint and service not in _providers:
        sampler = ParentBased(TraceIdRatioBased(sample_ratio))
        provider = TracerProvider(sampler, Resource.create({"service.name": f"dukan-{service}"}))
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
        origin = origin if origin.traceparent else replace(origin, traceparent=_unsampled())
        with use_origin(origin):
            yield origin
        return
    tracer = provider.get_tracer("dukan")
    with tracer.start_as_current_span(name, _context_of(origin), kind) as current:
        inner = replace(origin, traceparent=traceparent_of(current))
        with use_origin(inner):
            yield inner


@contextmanager
def consumer_spans(consumer: str, origins: Sequence[Origin]) -> Iterator[Sequence[Origin]]:
    """Trace the handling of a batch: a span per event, each in the trace of its event. The block runs in the first.

    Yields the origins of the effects, in order. A span for the whole batch would be in one event's trace, and the
    traces of the others would end before it. `origins` has at least one item.
    """
    provider = _providers.get(consumer.split(".", 1)[0])
    if provider is None:
        yield origins
        return
    tracer = provider.get_tracer("dukan")
    attributes: dict[str, AttributeValue] = {
        "messaging.destination.name": consumer,
        "messaging.batch.message_count": len(origins),
    }
    spans = [
        tracer.start_span(f"process {consumer}", _context_of(origin), SpanKind.CONSUMER, attributes)
        for origin in origins
    ]
    with _ended(spans), use_span(spans[0]):
        yield [replace(o, traceparent=traceparent_of(span)) for o, span in zip(origins, spans, strict=True)]


@contextmanager
def producer_spans(service: str, names: Sequence[str], origins: Sequence[Origin]) -> Iterator[Sequence[str | None]]:
    """Trace the sending of events: a span per event that belongs to a trace. Yields the traceparent of each event."""
    provider = _providers.get(service)
    if provider is None:
        yield [origin.traceparent for origin in origins]
        return
    tracer = provider.get_tracer("dukan")
    spans = [
        tracer.start_span(f"send {name}", _context_of(origin), SpanKind.PRODUCER) if origin.traceparent else None
        for name, origin in zip(names, origins, strict=True)
    ]
    with _ended([span for span in spans if span is not None]):
        yield [None if span is None else traceparent_of(span) for span in spans]


@contextmanager
def _ended(spans: Sequence[Span]) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        for span in spans:
            span.set_status(Status(StatusCode.ERROR, repr(error)))
        raise
    finally:
        for span in spans:
            span.end()


def current_span() -> Span | None:
    """The span of the running work; None without an exporter, or outside of any trace."""
    if not _providers:
        return None
    span = get_current_span()
    return span if span.get_span_context().is_valid else None


def below(span: Span | None) -> AbstractContextManager[object]:
    """Run the block in a span that somebody else ends; None changes nothing."""
    return nullcontext() if span is None else use_span(span)


def start_child(
    name: str, kind: SpanKind, attributes: Mapping[str, AttributeValue], started_at: int | None = None
) -> Span | None:
    """A span below the current one, which the caller ends; None where `current_span` is None.

    Background work that belongs to no trace gets none: a relay that polls would begin thousands of traces.
    """
    if current_span() is None:
        return None
    provider = _providers.get(logs.service_name.get())
    if provider is None:
        return None
    return provider.get_tracer("dukan").start_span(name, None, kind, attributes, start_time=started_at)


def fail(span: Span, error: BaseException) -> None:
    span.set_status(Status(StatusCode.ERROR, repr(error)))


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


def new_traceparent() -> str | None:
    """For a request without one: a new trace that is not sampled. None if tracing is on: `span` begins the trace."""
    return None if _providers else _unsampled()


def _unsampled() -> str:
    random = os.urandom(24).hex()
    return f"00-{random[:32]}-{random[32:]}-00"


def _context_of(origin: Origin) -> Context:
    # Not the current context: without a traceparent this is the start of a trace.
    return _propagator.extract(_carrier(origin), Context())


def _carrier(origin: Origin) -> dict[str, str]:
    carrier = {"traceparent": origin.traceparent, "tracestate": origin.tracestate}
    return {name: value for name, value in carrier.items() if value}
