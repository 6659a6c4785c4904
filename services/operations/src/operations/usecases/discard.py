"""Deciding that a dead letter shall not be handled."""

from uuid import UUID

from common import clock
from common.persistence.transaction import Transaction
from operations.domain import letters
from operations.tables import DeadLetterRow
from operations.usecases.replay import letter_for_update


async def discard(tx: Transaction, letter_id: UUID, staff_id: UUID) -> DeadLetterRow:
    """Put it aside; its evidence stays until retention takes it. NotFound, or Conflict when it is decided already."""
    row = await letter_for_update(tx, letter_id)
    letters.check_undecided(row.state)
    row.state, row.decided_at, row.decided_by = letters.DISCARDED, clock.now(), staff_id
    return row
