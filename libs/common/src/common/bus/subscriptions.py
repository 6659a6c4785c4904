"""Declaring handlers: `@subscribe` on a function, and the `Consumer` that it belongs to."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from common.contracts.event import Event

Handler = Callable[..., Awaitable[None]]
H = TypeVar("H", bound=Handler)

MARK = "__dukan_subscriptions__"


@dataclass(frozen=True, slots=True)
class Subscription:
    """An event type, or with `event` None every type that `pattern` matches, whose handler takes CloudEvents.

    `batch` is 1 for a handler of one event, else the maximum per call and transaction. `dead` marks the handler of
    dead letters: it takes deliveries, and the inbox does not record them.
    """

    consumer: str
    pattern: str
    event: type[Event] | None
    batch: int
    dead: bool = False


@dataclass(slots=True)
class Consumer:
    """A queue and its handlers. `name` is `<service>.<purpose>`; the queue name carries the topology's version."""

    name: str
    handlers: dict[str, tuple[Subscription, Handler]] = field(default_factory=dict)

    @property
    def queue(self) -> str:
        return f"{self.name}.v1"

    @property
    def patterns(self) -> list[str]:
        return sorted(self.handlers)

    @property
    def takes_dead_letters(self) -> bool:
        return any(subscription.dead for subscription, _ in self.handlers.values())

    @property
    def batch(self) -> int:
        return max(subscription.batch for subscription, _ in self.handlers.values())

    def handler_of(self, event_type: str) -> tuple[Subscription, Handler] | None:
        """The handler of this type, else the first whose pattern matches."""
        exact = self.handlers.get(event_type)
        if exact is not None:
            return exact
        return next((h for pattern, h in self.handlers.items() if matches(pattern, event_type)), None)


def subscribe(event: type[Event] | str, *, consumer: str, batch: int = 1) -> Callable[[H], H]:
    """Mark an async function as the handler of an event (or of a binding pattern) for a consumer.

    The function takes `(event, tx)`, with `batch` above 1 `(events, tx)`, with a pattern `(cloud_events, tx)`.
    """
    of_type = None if isinstance(event, str) else event
    pattern = event if isinstance(event, str) else event.type
    return _marker(Subscription(consumer, pattern, of_type, batch))


def subscribe_dead_letters(*, consumer: str, batch: int) -> Callable[[H], H]:
    """Mark `(deliveries, tx)` as the handler of the dead letters of all queues; it must be idempotent by itself."""
    return _marker(Subscription(consumer, "#", None, batch, dead=True))


def _marker(subscription: Subscription) -> Callable[[H], H]:
    def mark(handler: H) -> H:
        marks: list[Subscription] = handler.__dict__.setdefault(MARK, [])
        marks.append(subscription)
        return handler

    return mark


def collect(*holders: Any) -> list[Consumer]:
    """The consumers of all marked functions in the modules or objects given.

    Raises ValueError if a consumer would handle a type twice.
    """
    consumers: dict[str, Consumer] = {}
    for subscription, handler in _marked(holders):
        consumer = consumers.setdefault(subscription.consumer, Consumer(subscription.consumer))
        if subscription.pattern in consumer.handlers:
            raise ValueError(f"{subscription.consumer} handles {subscription.pattern} twice")
        consumer.handlers[subscription.pattern] = (subscription, handler)
    return list(consumers.values())


def _marked(holders: Sequence[Any]) -> Iterable[tuple[Subscription, Handler]]:
    for holder in holders:
        members: list[tuple[str, Any]] = inspect.getmembers(holder, callable)
        for _, member in members:
            for subscription in getattr(member, MARK, ()):
                yield subscription, member


def matches(pattern: str, event_type: str) -> bool:
    """AMQP topic matching: `*` is one word, `#` is zero or more words."""
    return pattern == "#" or _match(pattern.split("."), event_type.split("."))


def _match(pattern: list[str], words: list[str]) -> bool:
    if not pattern:
        return not words
    head, *rest = pattern
    if head == "#":
        return any(_match(rest, words[skip:]) for skip in range(len(words) + 1))
    return bool(words) and head in ("*", words[0]) and _match(rest, words[1:])
