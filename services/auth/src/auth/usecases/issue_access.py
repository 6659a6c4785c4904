"""An access token for a session."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from auth.signing_keys.providers.signer import AccessToken, Signer
from auth.signing_keys.usecases import load_active_key
from auth.tables import Account
from common import clock
from common.persistence.transaction import Transaction


async def issue_access(
    tx: Transaction,
    account: Account,
    session_id: UUID,
    signer: Signer,
    *,
    scope: Sequence[str] = (),
    until: datetime | None = None,
) -> AccessToken:
    """Signed with the active key. See `Signer.sign`."""
    await load_active_key(tx, signer)
    return signer.sign(account.id, session_id, [account.role], clock.now(), scope=scope, until=until)
