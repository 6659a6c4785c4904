"""The fault points: public names of the platform, wrapped when their modules are imported."""

import asyncio
import functools
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any
from zlib import crc32

from tests.chaos.inject.import_hook import Patch
from tests.chaos.inject.points import (
    AFTER_COMMIT,
    BEFORE_COMMIT,
    CHARGED,
    CLOCK,
    CONTRACTS,
    DISORDER,
    IN_HANDLER,
    UNACKED,
    UNCONFIRMED,
    UNMARKED,
    Points,
)

Async = Callable[..., Awaitable[Any]]

WRITER_TURNS = 3
LATE = ConnectionError("held back")

_for_ever = ExitStack()


def bound_to(points: Points) -> Mapping[str, Patch]:
    """Module → the patch that is applied after its import. A missing name fails the import."""
    patches: dict[str, Callable[[Points, Any], None]] = {
        "common.clock": _patch_clock,
        "common.persistence.transaction": _patch_transaction,
        "common.events.cloudevent": _patch_cloud_event,
        "common.bus.rabbitmq.confirms": _patch_confirms,
        "common.bus.rabbitmq.transport": _patch_rabbit,
        "common.bus.subscriptions": _patch_subscriptions,
        "common.bus.dispatch": _patch_dispatch,
        "billing.payments.providers.sandbox": _patch_sandbox,
    }
    return {name: functools.partial(_apply, patch, points) for name, patch in patches.items()}


def _apply(patch: Callable[[Points, Any], None], points: Points, module: ModuleType) -> None:
    patch(points, module)


def _after(function: Async, reach: Async) -> Async:
    """The function, followed by `reach(result, *arguments)` before the caller gets the result."""

    @functools.wraps(function)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = await function(*args, **kwargs)
        await reach(result, *args)
        return result

    return wrapped


def _patch_clock(points: Points, clock: Any) -> None:
    class Shifted:
        """The system clock, shifted as ordered."""

        def now(self) -> datetime:
            order = points.standing(CLOCK)
            return datetime.now(UTC) + timedelta(seconds=order.seconds if order else 0.0)

    _for_ever.enter_context(clock.use(Shifted()))


def _patch_transaction(points: Points, transaction: Any) -> None:
    async def finished(_: None, tx: Any) -> None:
        if tx.has_outgoing:
            await points.reach(BEFORE_COMMIT)

    finish, committed = transaction.Transaction.finish, transaction.Transaction.committed

    def pass_by_and_tell(tx: Any) -> None:
        if tx.has_outgoing:
            points.pass_by(AFTER_COMMIT)
        committed(tx)

    transaction.Transaction.finish = _after(finish, finished)
    transaction.Transaction.committed = pass_by_and_tell


def _patch_cloud_event(points: Points, cloud_event: Any) -> None:
    original = cloud_event.Envelope.of

    def of(event: Any, cause: Any = None) -> Any:
        order = points.standing(CONTRACTS)
        made = original(event, cause)
        return made if order is None else replace(made, data=_as_version(order.action, event, made.data))

    cloud_event.Envelope.of = staticmethod(of)


def _as_version(version: str, event: Any, data: bytes) -> bytes:
    """The event as another version would write it: with one more field, or without the optional ones."""
    fields = json.loads(data)
    if version == "newer":
        fields["added_by_a_newer_version"] = {"nested": [1, None, "✓"]}
    else:
        optional = [name for name, field in type(event).model_fields.items() if not field.is_required()]
        fields = {name: value for name, value in fields.items() if name not in optional or value}
    return json.dumps(fields).encode()


def _patch_confirms(points: Points, confirms: Any) -> None:
    async def published(futures: Sequence[Any], channel: Any, messages: Sequence[Any]) -> None:
        # What is not written to the socket yet is not published: the writer needs one or two turns of the event loop.
        for _ in range(WRITER_TURNS):
            await asyncio.sleep(0)
        if not channel.write_queue.empty():
            return
        pending = sum(not future.done() for future in futures)
        ids = [str(message.properties.message_id) for message in messages]
        await points.reach(UNCONFIRMED, lambda: ids, f"{pending} of {len(futures)} unconfirmed")

    confirms.publish_all = _after(confirms.publish_all, published)


def _patch_rabbit(points: Points, rabbit: Any) -> None:
    async def confirmed(outcomes: Sequence[Any], _: Any, batch: Sequence[Any]) -> None:
        ids = [str(outgoing.cloud_event.id) for outgoing in batch]
        await points.reach(UNMARKED, lambda: ids, f"{outcomes.count(None)} of {len(outcomes)} confirmed")

    original = rabbit.RabbitTransport.publish
    met: dict[str, float] = {}

    async def publish(transport: Any, batch: Sequence[Any]) -> Any:
        order = points.standing(DISORDER)
        if order is None:
            return await original(transport, batch)
        sent = [one for one in batch if not _is_late(str(one.cloud_event.id), met, order.seconds)]
        outcomes = await original(transport, sent[::-1]) if sent else []
        of = dict(zip((one.cloud_event.id for one in reversed(sent)), outcomes, strict=True))
        return [of.get(one.cloud_event.id, LATE) for one in batch]

    rabbit.RabbitTransport.publish = _after(publish, confirmed)


def _is_late(event_id: str, met: dict[str, float], seconds: float) -> bool:
    """Delays every third event until after events that were written later."""
    return crc32(event_id.encode()) % 3 == 0 and time.monotonic() < met.setdefault(event_id, time.monotonic()) + seconds


def _patch_subscriptions(points: Points, subscriptions: Any) -> None:
    async def handled(_: None, received: Any, tx: Any) -> None:
        await points.reach(IN_HANDLER, lambda: _ids(received, tx))

    collect = subscriptions.collect

    def collect_wrapped(*holders: Any) -> Any:
        consumers = collect(*holders)
        for consumer in consumers:
            wrapped = {p: (subscription, _after(h, handled)) for p, (subscription, h) in consumer.handlers.items()}
            consumer.handlers.update(wrapped)
        return consumers

    subscriptions.collect = collect_wrapped


def _ids(received: Any, tx: Any) -> Iterable[str]:
    """The ids of the events or deliveries that a handler received."""
    for one in received if isinstance(received, Sequence) else [received]:
        cloud_event: Any = getattr(one, "cloud_event", one)
        yield str(cloud_event.id if hasattr(cloud_event, "correlation_id") else tx.cloud_event_of(one).id)


def _patch_dispatch(points: Points, dispatch: Any) -> None:
    async def settled(_: Any, __: Any, deliveries: Sequence[Any]) -> None:
        await points.reach(UNACKED, lambda: [str(delivery.cloud_event.id) for delivery in deliveries])

    dispatch.Dispatcher.__call__ = _after(dispatch.Dispatcher.__call__, settled)


def _patch_sandbox(points: Points, sandbox: Any) -> None:
    async def charged(_: Any, __: Any, charge: Any) -> None:
        await points.reach(CHARGED, detail=str(charge.payment_id))

    sandbox.SandboxProvider.charge = _after(sandbox.SandboxProvider.charge, charged)
