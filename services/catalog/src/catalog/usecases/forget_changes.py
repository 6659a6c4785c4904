"""Changes are remembered for much longer than anybody asks about them."""

from datetime import datetime, timedelta

from common.persistence.transaction import Transaction

KEPT = timedelta(days=1)
FORGET = """
WITH gone AS (DELETE FROM public_change WHERE xid IN (SELECT xid FROM public_change WHERE at < $1 LIMIT 10000)
              RETURNING 1)
SELECT count(*) FROM gone
"""


async def forget_changes(tx: Transaction, now: datetime) -> int:
    """How many were forgotten."""
    return int(await tx.sql.fetchval(FORGET, now - KEPT))
