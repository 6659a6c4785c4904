"""Tells people about events. In batches, because a busy shop confirms many orders per second."""

import logging
from collections.abc import Callable, Iterable, Sequence

from common.bus.order_log import log_orders
from common.bus.subscriptions import H, subscribe
from common.contracts.auth import UserRegistered
from common.contracts.event import Event
from common.contracts.orders import OrderConfirmed
from common.persistence.transaction import Transaction
from notifications.notices.domain import ACCOUNT_NOTICES, ORDER_NOTICES
from notifications.notices.usecases import announce

log = logging.getLogger(__name__)

PEOPLE = "notifications.people"
ORDERS = "notifications.orders"

# UserRegistered is handled with the contacts: the welcome e-mail needs the address.
ACCOUNT_EVENTS = ACCOUNT_NOTICES.keys() - {UserRegistered}
ORDER_EVENTS = ORDER_NOTICES.keys()


def subscribe_to_each(events: Iterable[type[Event]], *, consumer: str, batch: int) -> Callable[[H], H]:
    """`subscribe` for several event types; a batch holds events of one type."""

    def mark(handler: H) -> H:
        for event in events:
            handler = subscribe(event, consumer=consumer, batch=batch)(handler)
        return handler

    return mark


class Subscribers:
    """`wake_sender` is called when the e-mails of a batch are committed."""

    def __init__(self, wake_sender: Callable[[], None]) -> None:
        self._wake_sender = wake_sender

    @subscribe_to_each(ACCOUNT_EVENTS, consumer=PEOPLE, batch=256)
    @subscribe_to_each(ORDER_EVENTS, consumer=ORDERS, batch=256)
    async def on_events(self, events: Sequence[Event], tx: Transaction) -> None:
        await announce(tx, events)
        log_orders(tx, log, "confirmed order announced", [e for e in events if isinstance(e, OrderConfirmed)])
        tx.after_commit(self._wake_sender)
