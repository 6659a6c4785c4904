"""What auth hears: which pictures people chose."""

from auth.usecases.show_avatar import show_avatar
from common.bus.subscriptions import subscribe
from common.contracts.catalog import AvatarChanged
from common.persistence.transaction import Transaction


@subscribe(AvatarChanged, consumer="auth.avatars")
async def on_avatar_changed(event: AvatarChanged, tx: Transaction) -> None:
    await show_avatar(tx, event.user_id, event.media_id, tx.envelope_of(event).sequence)
