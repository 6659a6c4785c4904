"""Composition root."""

from collections.abc import Sequence
from uuid import UUID

from common.persistence.database import Database
from common.persistence.transaction import Transaction
from common.web.service import Service
from messaging.contacts.subscribers import Subscribers as ContactSubscribers
from messaging.messages import api as messages
from messaging.messages.api import MessageSending
from messaging.messages.jobs import MessageCalls, message_sender, report_poll
from messaging.messages.providers.channel import ChannelProvider
from messaging.messages.providers.sandbox import Sandbox
from messaging.messages.subscribers import Subscribers as MessageSubscribers
from messaging.messages.usecases.confirm_orders import confirm_waiting_orders
from messaging.personal_data import subscribers as personal_data
from messaging.settings import Settings


def build(settings: Settings, provider: ChannelProvider | None = None) -> Service:
    """The service; it sends through `provider`, by default the sandbox."""
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    provider = provider or Sandbox()
    poll = report_poll(database, provider, settings.channel_timeout)
    sender = message_sender(database, MessageCalls(provider, settings.channel_timeout, on_sent=poll.wake))

    async def on_contacts_stored(tx: Transaction, user_ids: Sequence[UUID]) -> None:
        await confirm_waiting_orders(tx, user_ids)
        tx.after_commit(sender.job.wake)

    return Service(
        name="messaging",
        settings=settings,
        database=database,
        routers=[messages.router],
        subscribers=[ContactSubscribers(on_contacts_stored), MessageSubscribers(sender.job.wake), personal_data],
        jobs=[sender.job, poll],
        resources=[sender],
        state={"message_sending": MessageSending(settings.messages_per_day, sender.job.wake)},
    )
