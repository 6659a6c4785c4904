"""Composition root: settings in, service out."""

from pathlib import Path

from catalog import jobs
from catalog.api import categories, hot, imports, media, products, stock
from catalog.api.shown import Shown
from catalog.providers.media_files import MediaFiles
from catalog.settings import Settings
from catalog.subscribers import Checkout
from catalog.usecases.store_upload import Limits
from common.persistence.database import Database
from common.persistence.reader import Reader
from common.service import Service

MULTIPART_OVERHEAD = 64 * 1024
READERS = 5
"""Connections for reads that take no time; what can take longer has its own."""


def build(settings: Settings) -> Service:
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    url = settings.database_url.get_secret_value()
    reader = Reader(url, READERS)
    searcher = Reader(url, settings.database_pool_size, replans=True)
    files = MediaFiles(Path(settings.data_dir) / "media")
    pictures = jobs.pictures(database, files)
    return Service(
        name="catalog",
        settings=settings,
        database=database,
        routers=[products.router, categories.router, stock.router, media.router, imports.router],
        subscribers=[Checkout(settings.hold)],
        jobs=[jobs.expiry(database, settings.hold), pictures, jobs.forgetting(database)],
        resources=[reader, searcher],
        state={
            "reader": reader,
            "searcher": searcher,
            "products": hot.ProductFinder(reader),
            "shown": Shown(reader),
            "currency": settings.currency,
            "media_files": files,
            "image_limits": Limits(settings.image_max_bytes, settings.image_max_pixels),
            "pictures": pictures,
        },
        hot_reads=hot.HOT_READS,
        body_limits={"/products": settings.image_max_bytes + MULTIPART_OVERHEAD},
    )
