"""An account shows the picture that its owner chose last."""

from uuid import UUID

from common import clock
from common.persistence.transaction import Transaction

# What was said earlier may arrive later; of an erased account nothing is shown any more.
SHOW = """
UPDATE account SET avatar_id = $2, avatar_sequence = $3, updated_at = $4
WHERE id = $1 AND avatar_sequence < $3 AND erased_at IS NULL
"""


async def show_avatar(tx: Transaction, account_id: UUID, media_id: UUID | None, sequence: int) -> None:
    """`sequence` is that of catalog's event; None takes the picture away."""
    await tx.sql.execute(SHOW, account_id, media_id, sequence, clock.now())
