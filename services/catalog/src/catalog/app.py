"""Composition root: settings in, service out."""

from common.persistence.database import Database
from common.service import Service

from catalog import jobs
from catalog.api import categories, products, stock
from catalog.settings import Settings
from catalog.subscribers import Checkout


def build(settings: Settings) -> Service:
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    return Service(
        name="catalog",
        settings=settings,
        database=database,
        routers=[categories.router, stock.router, products.router],
        subscribers=[Checkout(settings.hold)],
        jobs=[jobs.expiry(database, settings.hold)],
        state={"currency": settings.currency},
    )
