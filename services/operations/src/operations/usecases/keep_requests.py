"""Writing the request log: one statement for many batches."""

from collections.abc import Sequence

from common.contracts.gateway import LoggedRequest
from common.persistence.transaction import Transaction
from operations.usecases.erase_person import begin_keeping

INSERT = """
INSERT INTO request (request_id, at, method, path, status, duration_ms, service, user_id, ip, user_agent,
                     times)
SELECT request_id, at, method, path, status, duration_ms, service, fresh.user_id,
       CASE WHEN erased_at IS NULL THEN ip END, CASE WHEN erased_at IS NULL THEN user_agent END, times
FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::smallint[], $6::float8[], $7::text[],
            $8::uuid[], $9::text[], $10::text[], $11::integer[])
     AS fresh (request_id, at, method, path, status, duration_ms, service, user_id, ip, user_agent, times)
LEFT JOIN erased_person ON erased_person.user_id = fresh.user_id
"""


async def keep_requests(tx: Transaction, requests: Sequence[LoggedRequest]) -> None:
    if requests:
        await begin_keeping(tx)
        await tx.sql.execute(INSERT, *(list(column) for column in zip(*map(_row, requests), strict=True)))


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
