"""The origin of the current work: passed from the request or the handled event to every event that it publishes.

`correlation_id` is the id of the request that started the causal chain, `causation_id` the id of the event that caused
this work directly, `traceparent` the W3C trace context.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of the current work."""

    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None


_origin: ContextVar[Origin | None] = ContextVar("dukan_origin", default=None)


def current() -> Origin | None:
    """The origin of the work in this task; None outside requests and handlers."""
    return _origin.get()


@contextmanager
def use_origin(origin: Origin) -> Iterator[None]:
    """Run the block as work with this origin."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)
