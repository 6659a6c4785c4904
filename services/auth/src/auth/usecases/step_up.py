"""A session remembers when its owner last proved who they are: at sign-in, or since.

What a stolen session must not do asks for a proof that is not old. Sessions of API keys have none, and get none.
"""

from uuid import UUID

from auth.domain.proofs import FRESH
from common import clock
from common.errors import Forbidden
from common.persistence.transaction import Transaction

IS_FRESH = """
SELECT EXISTS (SELECT FROM session WHERE id = $1 AND account_id = $2 AND ended_at IS NULL AND proved_at > $3)
"""


async def is_fresh(tx: Transaction, account_id: UUID, session_id: UUID) -> bool:
    """Whether the session's owner proved who they are a short time ago."""
    return bool(await tx.sql.fetchval(IS_FRESH, session_id, account_id, clock.now() - FRESH))


def step_up_required() -> Forbidden:
    return Forbidden(
        "Prove again who you are: give `password`, and `code` with a second factor, or POST /auth/step-up first",
        code="step_up_required",
        field="password",
    )
