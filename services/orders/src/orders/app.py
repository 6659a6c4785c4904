"""The composition root of orders."""

from datetime import timedelta
from functools import partial

from common.contracts.billing import PaymentActionRequired
from common.contracts.orders import OrderCancelled, OrderConfirmed
from common.drain import Drain
from common.http_client import HttpClient
from common.jobs import run_jobs
from common.persistence.database import Database
from common.web.service import Listener, Service
from orders.addresses import api as addresses
from orders.carts import api as carts
from orders.carts.usecases import CartFiller
from orders.orders import jobs
from orders.orders.api import checkout, orders
from orders.orders.api.dependencies import OrderDependencies
from orders.orders.domain.checkout import Deadlines
from orders.orders.subscribers import OrderSubscribers
from orders.orders.usecases.admit_checkouts import AdmissionControl
from orders.orders.usecases.submit_checkout import CheckoutBatcher
from orders.orders.usecases.watch_orders import OrderWatchers
from orders.personal_data import subscribers as personal_data
from orders.prices import subscribers as prices
from orders.prices.providers.catalog import CatalogClient
from orders.prices.usecases import fetch_missing_prices
from orders.settings import Settings
from orders.stock import subscribers as stock


def build(settings: Settings) -> Service:
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    http = HttpClient(trust_env=False)
    catalog = CatalogClient(http, settings.catalog_url, settings.catalog_timeout)
    fetch_prices = partial(fetch_missing_prices, database, catalog)
    deadlines = Deadlines(
        stock=timedelta(seconds=settings.stock_deadline), payment=timedelta(seconds=settings.payment_deadline)
    )
    admission = AdmissionControl(database, settings.max_pending_checkouts, deadlines)
    drain = Drain()
    watchers = OrderWatchers(drain)
    checkouts = CheckoutBatcher(
        database,
        deadlines,
        admission=admission,
        watchers=watchers,
        fetch_missing_prices=fetch_prices,
        render=checkout.render_order,
    )
    return Service(
        name="orders",
        settings=settings,
        database=database,
        routers=[checkout.router, orders.router, carts.router, addresses.router],
        subscribers=[OrderSubscribers(deadlines), prices, stock, personal_data],
        jobs=jobs.build_jobs(database, deadlines),
        resources=[http, run_jobs("orders", [jobs.admission_job(admission)])],
        state={
            "orders": OrderDependencies(
                checkouts, settings.payment_providers, settings.default_payment_provider, deadlines
            ),
            "carts": CartFiller(database, fetch_prices, catalog.levels_of, settings.currency),
        },
        drain=drain,
        fast_posts={"/orders": checkout.post_order_at_once},
        listeners=[Listener([OrderConfirmed, OrderCancelled, PaymentActionRequired], watchers.on_event)],
    )
