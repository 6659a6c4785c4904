"""Catalog stores avatars; an account stores the id of its own."""

from auth.accounts.usecases import set_avatar
from common.bus.subscriptions import subscribe
from common.contracts.catalog import AvatarChanged
from common.persistence.transaction import Transaction

AVATARS = "auth.avatars"


@subscribe(AvatarChanged, consumer=AVATARS)
async def on_avatar_changed(event: AvatarChanged, tx: Transaction) -> None:
    await set_avatar(tx, event.user_id, event.media_id, tx.cloud_event_of(event).sequence)
