"""Storing logged requests."""

from collections.abc import Sequence

from common.contracts.gateway import LoggedRequest
from common.persistence.transaction import Transaction
from operations.personal_data.usecases import delay_erasures
from operations.requests import store


async def store_requests(tx: Transaction, requests: Sequence[LoggedRequest]) -> None:
    if requests:
        await delay_erasures(tx)
        await store.insert_requests(tx, map(_row, requests))


def _row(request: LoggedRequest) -> tuple[object, ...]:
    return (
        request.request_id,
        request.at,
        request.method,
        request.path,
        request.status,
        request.duration_ms,
        request.service,
        request.user_id,
        request.ip,
        request.user_agent,
        request.times,
    )
