"""An access token for a session."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from auth.providers.signing import AccessToken, Signer
from auth.tables import Account
from common import clock
from common.errors import Unavailable
from common.persistence.transaction import Transaction

ACTIVE = "SELECT kid, sealed_private FROM signing_key WHERE state = 'active'"


async def issue_access(
    tx: Transaction,
    account: Account,
    session_id: UUID,
    signer: Signer,
    *,
    scope: Sequence[str] = (),
    until: datetime | None = None,
) -> AccessToken:
    """Signed with the active key; a process follows a rotation within seconds. See `Signer.sign`."""
    if signer.is_stale:
        key = await tx.sql.fetchrow(ACTIVE)
        if key is None:
            raise Unavailable("There is no signing key", code="no_signing_key")
        signer.adopt(key["kid"], key["sealed_private"])
    return signer.sign(account.id, session_id, [account.role], clock.now(), scope=scope, until=until)
