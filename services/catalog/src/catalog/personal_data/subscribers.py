"""Data exports and erasures that auth asks for."""

from collections.abc import Callable

from catalog.imports.usecases.forget_importer import forget_importer
from catalog.media.usecases.own_media import erase_media
from catalog.personal_data.usecases import export_personal_data
from common.bus.subscriptions import subscribe
from common.contracts.auth import ExportRequested, UserErased
from common.persistence.transaction import Transaction

CONSUMER = "catalog.people"


class PersonalDataSubscriber:
    """`delete_files` is called after an erasure, whose files are still on disk."""

    def __init__(self, delete_files: Callable[[], None]) -> None:
        self._delete_files = delete_files

    @subscribe(ExportRequested, consumer=CONSUMER)
    async def on_export_requested(self, event: ExportRequested, tx: Transaction) -> None:
        await export_personal_data(tx, event)

    @subscribe(UserErased, consumer=CONSUMER)
    async def on_user_erased(self, event: UserErased, tx: Transaction) -> None:
        # The append-only ledger keeps stock adjustments, with the id of an account that no longer exists.
        await erase_media(tx, event.user_id)
        await forget_importer(tx, event.user_id)
        tx.after_commit(self._delete_files)
