"""A small shop of our own to begin with: five categories, sixteen products with stock and pictures."""

import asyncio
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from PIL import Image, ImageDraw, ImageFont, ImageOps

from catalog.domain.offers import Offer, Shelving
from catalog.providers.media_files import MediaFiles
from catalog.usecases.add_image import Upload, add_image
from catalog.usecases.adjust_stock import adjust_stock
from catalog.usecases.create_category import create_category
from catalog.usecases.create_product import create_product
from catalog.usecases.store_upload import Limits, store_upload
from common.money import Money
from common.persistence.database import Database
from common.persistence.transaction import Transaction

SIDE = 900
LIMITS = Limits(max_bytes=10_000_000, max_pixels=SIDE * SIDE)


class Shelf(NamedTuple):
    name: str
    colours: tuple[str, str]


class Sample(NamedTuple):
    """`price` in whole shillings."""

    sku: str
    shelf: str
    title: str
    price: int
    stock: int
    description: str
    discount_percent: int = 0
    is_featured: bool = False


SHELVES = (
    Shelf("Fabrics", ("#7a1f3d", "#f2b134")),
    Shelf("Coffee and Spices", ("#3b2416", "#d98e4a")),
    Shelf("Kitchen", ("#1c4d5a", "#9fd8cb")),
    Shelf("Crafts", ("#4a3b12", "#e3c16f")),
    Shelf("Design Templates", ("#2b2d6e", "#d56aa0")),
)
SAMPLES = (
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
    """Add what is missing; how many products that were. Running it again, or after a crash, completes it."""
    files = MediaFiles(Path(data_dir) / "media")
    added = 0
    for sample in SAMPLES:
        added += await _add(database, files, sample)
    return added


async def _add(database: Database, files: MediaFiles, sample: Sample) -> bool:
    async with database.begin() as tx:
        if await tx.sql.fetchval("SELECT true FROM product WHERE sku = $1", sample.sku):
            return False
    upload = await store_upload(files, BytesIO(await asyncio.to_thread(_picture, sample)), LIMITS)
    async with database.begin() as tx:
        await _record(tx, sample, upload)
    return True


async def _record(tx: Transaction, sample: Sample, upload: Upload) -> None:
    offer = Offer(
        title=sample.title,
        category_id=(await _category(tx, sample.shelf)),
        price=Money(amount=sample.price * 100, currency="TZS"),
        discount_percent=sample.discount_percent,
        sku=sample.sku,
        description=sample.description,
        is_featured=sample.is_featured,
    )
    product = await create_product(tx, offer)
    await adjust_stock(tx, product.id, sample.stock, reason="received", note="sample catalogue")
    await add_image(tx, product.id, upload, None)


async def _category(tx: Transaction, name: str) -> UUID:
    found: UUID | None = await tx.sql.fetchval("SELECT id FROM category WHERE name = $1 AND parent_id IS NULL", name)
    return found or (await create_category(tx, Shelving(name, is_featured=True))).id


def _picture(sample: Sample) -> bytes:
    """The product's initials on its shelf's colours."""
    colours = next(shelf.colours for shelf in SHELVES if shelf.name == sample.shelf)
    gradient = Image.linear_gradient("L").rotate(45, expand=True).resize((SIDE, SIDE))
    picture = ImageOps.colorize(gradient, *colours)
    initials = "".join(word[0] for word in sample.title.split() if word[0].isupper())[:3]
    font = ImageFont.load_default(size=SIDE / 3)
    ImageDraw.Draw(picture).text((SIDE / 2, SIDE / 2), initials, fill="white", font=font, anchor="mm")
    target = BytesIO()
    picture.save(target, "JPEG", quality=88)
    return target.getvalue()
