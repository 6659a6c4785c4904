"""The trail of what was tried, by whom and with what outcome. Never a secret: no password, token or code."""

import json
from uuid import UUID

from auth.domain.clients import Client
from common import clock
from common.persistence.transaction import Transaction

INSERT = """
INSERT INTO audit (at, action, outcome, account_id, actor_id, session_id, address, user_agent, request_id, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb)
"""


async def record_audit(
    tx: Transaction,
    action: str,
    outcome: str,
    client: Client | None = None,
    *,
    account_id: UUID | None = None,
    actor_id: UUID | None = None,
    session_id: UUID | None = None,
    **detail: object,
) -> None:
    """`action` is what was tried (`sign_in`), `outcome` what came of it (`succeeded`, `wrong_password`, …)."""
    await tx.sql.execute(
        INSERT,
        clock.now(),
        action,
        outcome,
        account_id,
        actor_id,
        session_id,
        client.address if client else None,
        client.user_agent if client else None,
        client.request_id if client else None,
        json.dumps(detail),
    )
