"""Composition root: settings in, service out."""

from pathlib import Path

from catalog import jobs
from catalog.api import categories, imports, media, products, stock
from catalog.providers.media_files import MediaFiles
from catalog.providers.reader import Reader
from catalog.settings import Settings
from catalog.subscribers import Checkout
from catalog.usecases.store_upload import Limits
from common.persistence.database import Database
from common.service import Service

MULTIPART_OVERHEAD = 64 * 1024


def build(settings: Settings) -> Service:
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    reader = Reader(settings.database_url.get_secret_value(), settings.database_pool_size)
    files = MediaFiles(Path(settings.data_dir) / "media")
    pictures = jobs.pictures(database, files)
    return Service(
        name="catalog",
        settings=settings,
        database=database,
        routers=[products.router, categories.router, stock.router, media.router, imports.router],
        subscribers=[Checkout(settings.hold)],
        jobs=[jobs.expiry(database, settings.hold), pictures],
        resources=[reader],
        state={
            "reader": reader,
            "currency": settings.currency,
            "media_files": files,
            "image_limits": Limits(settings.image_max_bytes, settings.image_max_pixels),
            "pictures": pictures,
        },
        body_limits={"/products": settings.image_max_bytes + MULTIPART_OVERHEAD},
    )
