"""Composition root."""

from common.jobs import Job
from common.persistence.database import Database
from common.web.service import Service
from messaging.api import messages
from messaging.jobs import Courier
from messaging.providers.channel import ChannelProvider
from messaging.providers.sandbox import Sandbox
from messaging.settings import Settings
from messaging.subscribers import Subscribers

SEND_EVERY = 2.0
ASK_EVERY = 5.0


def build(settings: Settings, provider: ChannelProvider | None = None) -> Service:
    """The service, its messages carried by `provider`; the sandbox carries them otherwise."""
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    courier = Courier(database, provider or Sandbox(), settings.channel_timeout)
    ask = Job("ask-after-messages", ASK_EVERY, courier.ask_after_sent)
    send = Job("send-messages", SEND_EVERY, lambda: courier.send_due(on_sent=ask.wake))
    return Service(
        name="messaging",
        settings=settings,
        database=database,
        routers=[messages.router],
        subscribers=[Subscribers(send.wake)],
        jobs=[send, ask],
        state={"wake_courier": send.wake, "messages_per_day": settings.messages_per_day},
    )
