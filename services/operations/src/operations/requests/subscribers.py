"""Stores the requests that the gateway logs."""

from collections.abc import Sequence

from common.bus.subscriptions import subscribe
from common.contracts.gateway import RequestsLogged
from common.persistence.transaction import Transaction
from operations.requests.usecases import store_requests


@subscribe(RequestsLogged, consumer="operations.requests", batch=16)
async def on_requests_logged(events: Sequence[RequestsLogged], tx: Transaction) -> None:
    await store_requests(tx, [request for event in events for request in event.requests])
