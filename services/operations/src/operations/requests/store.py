"""SQL of the request log."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlmodel import col, select

from common.persistence.rows import columns
from common.persistence.search import contains
from common.persistence.transaction import Transaction
from common.web.days import TimeRange
from operations.requests.tables import RequestRow

# The address and user agent of erased people are not stored.
INSERT = """
INSERT INTO request (request_id, at, method, path, status, duration_ms, service, user_id, ip, user_agent,
                     times)
SELECT request_id, at, method, path, status, duration_ms, service, logged.user_id,
       CASE WHEN erased_at IS NULL THEN ip END, CASE WHEN erased_at IS NULL THEN user_agent END, times
FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::smallint[], $6::float8[], $7::text[],
            $8::uuid[], $9::text[], $10::text[], $11::integer[])
     AS logged (request_id, at, method, path, status, duration_ms, service, user_id, ip, user_agent, times)
LEFT JOIN erased_person ON erased_person.user_id = logged.user_id
"""
DELETE_BEFORE = "DELETE FROM request WHERE id IN (SELECT id FROM request WHERE at < $1 LIMIT $2)"


FOUND = text(contains(["path", "request_id", "ip", "user_agent"], ":search"))


async def insert_requests(tx: Transaction, rows: Iterable[Sequence[object]]) -> None:
    await tx.sql.execute(INSERT, *columns(rows))


async def delete_requests_before(tx: Transaction, time: datetime, limit: int) -> str:
    tag: str = await tx.sql.execute(DELETE_BEFORE, time, limit)
    return tag


async def list_requests(
    tx: Transaction,
    *,
    filters: Mapping[str, object],
    period: TimeRange,
    search: str | None,
    before: int | None,
    limit: int,
) -> Sequence[RequestRow]:
    """Newest first; `filters` are values of columns, None filters nothing; `before` is the previous page's last id."""
    query = select(RequestRow).filter_by(**{name: value for name, value in filters.items() if value is not None})
    if period.since is not None:
        query = query.where(RequestRow.at >= period.since)
    if period.until is not None:
        query = query.where(RequestRow.at < period.until)
    if search is not None:
        query = query.where(FOUND.bindparams(search=search))
    if before is not None:
        query = query.where(RequestRow.id < before)
    return (await tx.session.exec(query.order_by(col(RequestRow.id).desc()).limit(limit))).all()
