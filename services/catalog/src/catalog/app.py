"""Composition root: settings in, service out."""

from pathlib import Path

from catalog import jobs
from catalog.api import avatar, categories, hot, imports, media, product_images, products, stock
from catalog.api.shown import Shown
from catalog.providers.media_files import MediaFiles
from catalog.settings import Settings
from catalog.subscribers import Checkout, People
from catalog.usecases.keep_media import Bounds
from catalog.usecases.store_upload import Limits
from common.persistence.database import Database
from common.persistence.reader import Reader
from common.security.media_urls import MediaUrls
from common.web.service import Service

API = (products, categories, stock, product_images, media, avatar, imports)
MULTIPART_OVERHEAD = 64 * 1024
READERS = 5
"""Connections for reads that take no time; what can take longer has its own."""


def build(settings: Settings) -> Service:
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    url = settings.database_url.get_secret_value()
    reader = Reader(url, READERS)
    searcher = Reader(url, settings.database_pool_size, replans=True)
    files = MediaFiles(Path(settings.data_dir) / "media")
    discarding = jobs.discarding(database, files)
    pictures = jobs.pictures(database, files, discarding)
    largest_upload = settings.image_max_bytes + MULTIPART_OVERHEAD
    return Service(
        name="catalog",
        settings=settings,
        database=database,
        routers=[module.router for module in API],
        subscribers=[Checkout(settings.hold), People(discarding.wake)],
        jobs=[jobs.expiry(database, settings.hold), pictures, discarding, jobs.forgetting(database)],
        resources=[reader, searcher],
        state={
            "reader": reader,
            "searcher": searcher,
            "products": hot.ProductFinder(reader),
            "shown": Shown(reader),
            "currency": settings.currency,
            "media_files": files,
            "image_limits": Limits(settings.image_max_bytes, settings.image_max_pixels),
            "media_bounds": Bounds(settings.media_per_person, settings.media_bytes_per_person),
            "media_urls": MediaUrls(settings.media_secret.get_secret_value()),
            "pictures": pictures,
        },
        fast_reads=hot.FAST_READS,
        body_limits=dict.fromkeys(("/products", "/media", "/auth/me/avatar"), largest_upload),
    )
