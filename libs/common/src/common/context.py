"""What caused the work at hand: carried from the request or the handled event into every event published.

`correlation_id` names the whole story (the first request's id), `causation_id` the event that led directly here,
`traceparent` is the W3C trace context.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the current work comes from."""

    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None


_origin: ContextVar[Origin | None] = ContextVar("dukan_origin", default=None)


def current() -> Origin | None:
    """The origin of the work in this task, or None outside any request or handler."""
    return _origin.get()


@contextmanager
def use_origin(origin: Origin) -> Iterator[None]:
    """Run the block as work that comes from `origin`."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)
