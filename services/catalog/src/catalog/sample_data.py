"""Sample data: five categories, and sixteen products with stock and images."""

import asyncio
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from PIL import Image, ImageDraw, ImageFont, ImageOps

from catalog.categories.domain import CategoryFields
from catalog.categories.usecases import create_category
from catalog.imports.store import find_category, find_product
from catalog.media.domain import ImageLimits, Upload
from catalog.media.providers.files import MediaFiles
from catalog.media.usecases.product_images import add_image
from catalog.media.usecases.store_upload import store_upload
from catalog.products.domain import ProductFields
from catalog.products.usecases import create_product
from catalog.stock.usecases import adjust_stock
from common.money import Money
from common.persistence.database import Database
from common.persistence.transaction import Transaction

IMAGE_SIDE = 900
LIMITS = ImageLimits(max_bytes=10_000_000, max_pixels=IMAGE_SIDE * IMAGE_SIDE)


class Sample(NamedTuple):
    """`price` is in whole shillings."""

    sku: str
    category: str
    title: str
    price: int
    stock: int
    description: str
    discount_percent: int = 0
    is_featured: bool = False


CATEGORY_COLOURS = {
    "Fabrics": ("#7a1f3d", "#f2b134"),
    "Coffee and Spices": ("#3b2416", "#d98e4a"),
    "Kitchen": ("#1c4d5a", "#9fd8cb"),
    "Crafts": ("#4a3b12", "#e3c16f"),
    "Design Templates": ("#2b2d6e", "#d56aa0"),
}
PRODUCTS = (
    Sample("FAB-001", "Fabrics", "Kanga Pair, Sunrise Border", 18_000, 120, "Two metres of printed cotton.", 0, True),
    Sample("FAB-002", "Fabrics", "Kitenge Wax Print, Six Yards", 45_000, 60, "Heavy cotton in deep blue.", 10),
    Sample("FAB-003", "Fabrics", "Maasai Shuka Blanket", 32_000, 80, "Red and black check, warm and light."),
    Sample("FAB-004", "Fabrics", "Handwoven Cotton Scarf", 24_000, 40, "Soft, with a knotted fringe."),
    Sample("SPI-001", "Coffee and Spices", "Kilimanjaro Arabica, 500 g", 22_000, 200, "Medium roast beans.", 0, True),
    Sample("SPI-002", "Coffee and Spices", "Zanzibar Cloves, 100 g", 8_500, 300, "Whole, sun-dried."),
    Sample("SPI-003", "Coffee and Spices", "Pilau Masala, 150 g", 6_000, 250, "Cumin, cardamom, cinnamon, pepper."),
    Sample("KIT-001", "Kitchen", "Mbuzi Coconut Grater", 15_000, 35, "A folding stool with a steel blade."),
    Sample("KIT-002", "Kitchen", "Clay Cooking Pot, 3 l", 19_500, 25, "Fired by hand, for slow stews.", 15),
    Sample("KIT-003", "Kitchen", "Olive Wood Spoon Set", 12_000, 90, "Five spoons, oiled and smooth."),
    Sample("CRA-001", "Crafts", "Sisal Basket, Large", 38_000, 30, "Woven in rings, with leather handles.", 0, True),
    Sample("CRA-002", "Crafts", "Tinga Tinga Painting", 95_000, 12, "Enamel on board: birds at the lake."),
    Sample("CRA-003", "Crafts", "Soapstone Chess Set", 68_000, 15, "Carved pieces in two tones.", 20),
    Sample("TPL-001", "Design Templates", "Market Day Poster", 5_000, 10_000, "A3, print-ready, editable text."),
    Sample("TPL-002", "Design Templates", "Festival Greeting Pack", 7_500, 10_000, "Twelve square cards.", 0, True),
    Sample("TPL-003", "Design Templates", "Shop Opening Flyer", 4_000, 10_000, "Two sides, four colour schemes."),
)


async def load(database: Database, data_dir: str | Path) -> int:
    """Add the missing products. How many were added; repeating it, also after a crash, adds the rest."""
    files = MediaFiles(Path(data_dir) / "media")
    added = 0
    for product in PRODUCTS:
        added += await _add(database, files, product)
    return added


async def _add(database: Database, files: MediaFiles, product: Sample) -> bool:
    async with database.begin() as tx:
        if await find_product(tx, product.sku, None):
            return False
    upload = await store_upload(files, BytesIO(await asyncio.to_thread(_image, product)), LIMITS)
    async with database.begin() as tx:
        await _create(tx, product, upload)
    return True


async def _create(tx: Transaction, product: Sample, upload: Upload) -> None:
    fields = ProductFields(
        title=product.title,
        category_id=await _category(tx, product.category),
        price=Money.from_major(product.price, "TZS"),
        discount_percent=product.discount_percent,
        sku=product.sku,
        description=product.description,
        is_featured=product.is_featured,
    )
    product_id = (await create_product(tx, fields)).id
    await adjust_stock(tx, product_id, product.stock, reason="received", note="sample catalogue")
    await add_image(tx, product_id, upload, None)


async def _category(tx: Transaction, name: str) -> UUID:
    existing = await find_category(tx, name, None)
    return existing or (await create_category(tx, CategoryFields(name, is_featured=True))).id


def _image(product: Sample) -> bytes:
    """The product's initials on the colours of its category."""
    gradient = Image.linear_gradient("L").rotate(45, expand=True).resize((IMAGE_SIDE, IMAGE_SIDE))
    image = ImageOps.colorize(gradient, *CATEGORY_COLOURS[product.category])
    initials = "".join(word[0] for word in product.title.split() if word[0].isupper())[:3]
    font = ImageFont.load_default(size=IMAGE_SIDE / 3)
    ImageDraw.Draw(image).text((IMAGE_SIDE / 2, IMAGE_SIDE / 2), initials, fill="white", font=font, anchor="mm")
    target = BytesIO()
    image.save(target, "JPEG", quality=88)
    return target.getvalue()
