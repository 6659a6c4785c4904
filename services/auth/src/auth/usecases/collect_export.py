"""The services' parts of an export come in, in any order and perhaps twice, or are waited for in vain."""

from base64 import urlsafe_b64decode
from uuid import UUID

from auth.domain.exports import READABLE, REMEMBERED
from common import clock
from common.contracts.data_export import DataExportPart
from common.data_export import MOST_PARTS
from common.persistence.transaction import Transaction

WAITING = """
SELECT true FROM export WHERE id = $1 AND account_id = $2 AND $3 = ANY(services) AND state = 'gathering' FOR UPDATE
"""
KEEP = """
INSERT INTO export_part (export_id, service, part, parts, sealed) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
"""
FINISH = """
UPDATE export SET state = 'ready', ready_at = $2
WHERE id = $1 AND cardinality(services) = (
    SELECT count(*) FROM (SELECT FROM export_part WHERE export_id = $1
                          GROUP BY service HAVING count(*) = max(parts)) AS answered)
"""
FAIL = "UPDATE export SET state = 'failed' WHERE state = 'gathering' AND due_at <= $1"
END = "UPDATE export SET state = 'ended', sealed_private = NULL WHERE state <> 'ended' AND created_at < $1"
FORGET_PARTS = "DELETE FROM export_part USING export WHERE export_id = export.id AND state = 'ended'"
FORGET = "DELETE FROM export WHERE created_at < $1"


async def collect_export(tx: Transaction, service: str, part: DataExportPart) -> None:
    """Keep a service's part; with the last one the export is ready. Parts that nobody waits for are ignored."""
    if not 0 <= part.part < part.parts <= MOST_PARTS:
        return
    if await tx.sql.fetchval(WAITING, part.export_id, part.user_id, service):
        await keep_part(tx, part.export_id, service, (part.part, part.parts), urlsafe_b64decode(part.sealed))
        await tx.sql.execute(FINISH, part.export_id, clock.now())


async def keep_part(tx: Transaction, export_id: UUID, service: str, place: tuple[int, int], sealed: bytes) -> None:
    """`place` is the part's number, from 0, and how many there are."""
    await tx.sql.execute(KEEP, export_id, service, *place, sealed)


async def end_exports(tx: Transaction) -> int:
    """What was not complete in time has failed; content goes when it can be read no more, and later its record."""
    now = clock.now()
    statuses = (
        await tx.sql.execute(FAIL, now),
        await tx.sql.execute(END, now - READABLE),
        await tx.sql.execute(FORGET_PARTS),
        await tx.sql.execute(FORGET, now - REMEMBERED),
    )
    return sum(int(status.split()[-1]) for status in statuses)
