"""Composition root: settings in, service out."""

from pathlib import Path

from catalog.categories import api as categories
from catalog.imports import api as imports
from catalog.media.api import avatar, media, product_images
from catalog.media.api.dependencies import MediaDependencies
from catalog.media.jobs import delete_files_job, process_images_job
from catalog.media.providers.files import MediaFiles
from catalog.page_cache.jobs import delete_changes_job
from catalog.page_cache.usecases import PageCache
from catalog.personal_data.subscribers import PersonalDataSubscriber
from catalog.products.api import fast_path, products
from catalog.products.api.dependencies import ProductReads
from catalog.products.store.products import ProductLoader
from catalog.settings import Settings
from catalog.stock import api as stock
from catalog.stock.jobs import expire_reservations_job
from catalog.stock.subscribers import CheckoutSubscriber
from common.persistence.database import Database
from common.persistence.reader import Reader
from common.security.media_urls import MediaUrls
from common.web.service import Service

API = (products, categories, stock, product_images, media, avatar, imports)
MULTIPART_OVERHEAD_BYTES = 64 * 1024
READERS = 5
"""Connections for short reads; lists and searches, which may take longer, have a pool of their own."""


def build(settings: Settings) -> Service:
    url = settings.database_url.get_secret_value()
    database = Database(url, pool_size=settings.database_pool_size)
    reader = Reader(url, READERS)
    list_reader = Reader(url, settings.database_pool_size, replans=True)
    files = MediaFiles(Path(settings.data_dir) / "media")
    files.close_to_others()
    delete_files = delete_files_job(database, files)
    process_images = process_images_job(database, files, delete_files)
    max_upload_bytes = settings.image_max_bytes + MULTIPART_OVERHEAD_BYTES
    return Service(
        name="catalog",
        settings=settings,
        database=database,
        routers=[module.router for module in API],
        subscribers=[CheckoutSubscriber(settings.reservation_timeout), PersonalDataSubscriber(delete_files.wake)],
        jobs=[
            expire_reservations_job(database, settings.reservation_timeout),
            process_images,
            delete_files,
            delete_changes_job(database),
        ],
        resources=[reader, list_reader],
        state={
            "reader": reader,
            "pages": PageCache(reader),
            "currency": settings.currency,
            "products": ProductReads(ProductLoader(reader), list_reader),
            "media": MediaDependencies(
                files=files,
                urls=MediaUrls(settings.media_secret.get_secret_value()),
                limits=settings.image_limits,
                quota=settings.media_quota,
                processing=process_images,
            ),
        },
        fast_reads={**fast_path.FAST_READS, **categories.FAST_READS},
        body_limits=dict.fromkeys(("/products", "/media", "/auth/me/avatar"), max_upload_bytes),
    )
