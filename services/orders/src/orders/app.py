"""The composition root of orders."""

import httpx

from common.contracts.billing import PaymentActionRequired
from common.contracts.orders import OrderCancelled, OrderConfirmed
from common.persistence.database import Database
from common.web.service import Listener, Service
from orders import subscribers
from orders.api import addresses, cart, checkout, orders
from orders.api.desk import Desk
from orders.api.rush import Rush
from orders.api.shop import Shop
from orders.api.waiting import WaitingRoom
from orders.jobs import clocked
from orders.providers.catalog import Catalog
from orders.settings import Settings


def build(settings: Settings) -> Service:
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    http = httpx.AsyncClient(trust_env=False)
    waiting = WaitingRoom()
    rush = Rush(database, settings.most_pending, settings.deadlines)
    shop = Shop(
        catalog=Catalog(http, settings.catalog_url, settings.catalog_timeout),
        desk=Desk(database, settings.deadlines, rush),
        waiting=waiting,
        deadlines=settings.deadlines,
        providers=settings.payment_providers,
        currency=settings.currency,
    )
    return Service(
        name="orders",
        settings=settings,
        database=database,
        routers=[checkout.router, orders.router, cart.router, addresses.router],
        subscribers=[subscribers, subscribers.CheckoutSubscribers(settings.deadlines)],
        jobs=clocked(database, settings.deadlines),
        resources=[http, rush.watched()],
        state={"shop": shop},
        fast_posts={"/orders": checkout.post_order_at_once},
        listeners=[Listener([OrderConfirmed, OrderCancelled, PaymentActionRequired], waiting.on_news)],
    )
