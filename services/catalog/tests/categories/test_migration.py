"""The migration that made names unique and text one form, over rows from before."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from common.testing.plugin import FreshDatabase

FILE = Path(__file__).parents[2] / "migrations" / "versions" / "0006_text.py"
BEFORE = """
DROP INDEX category_name_once;
DROP TRIGGER category_name_key ON category;
DROP FUNCTION set_category_key;
ALTER TABLE category DROP COLUMN name_key;
"""
CATEGORY = "INSERT INTO category (id, name, slug, lineage) SELECT id, $1, $2, ARRAY[id] FROM gen_random_uuid() AS id"
PRODUCT = """
INSERT INTO product (id, title, slug, sku, price_amount, final_amount, currency)
VALUES (gen_random_uuid(), $1, $2, $3, 1, 1, 'TZS')
"""


def _migration() -> ModuleType:
    spec = spec_from_file_location("migration", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_names_that_are_there_twice_and_texts_in_other_forms_are_migrated(fresh_database: FreshDatabase) -> None:
    database, migration = await fresh_database("catalog"), _migration()
    async with database.begin() as tx:
        await tx.sql.execute(BEFORE)
        for number, name in enumerate(("Mugs", "mugs", "Cafe\u0301s", "Cafés", "Bags")):
            await tx.sql.execute(CATEGORY, name, f"slug-{number}")
        for number, sku in enumerate(("CAFE\u0301-1", "CAFÉ-1", "CAFE\u0301-2", None)):
            await tx.sql.execute(PRODUCT, "The\u0301", f"product-{number}", sku)
        for statements in (migration.TEXT, migration.NAMES):
            await tx.sql.execute(statements)
        keys = await tx.sql.fetch("SELECT name, name_key FROM category ORDER BY slug")
        skus = await tx.sql.fetch("SELECT sku, title FROM product ORDER BY slug")
    assert [row["name"] for row in keys] == ["Mugs", "mugs", "Cafés", "Cafés", "Bags"]
    assert sorted(row["name_key"] for row in keys if row["name_key"]) == ["bags", "cafés", "mugs"]
    assert [row["sku"] for row in skus] == ["CAFE\u0301-1", "CAFÉ-1", "CAFÉ-2", None]
    assert {row["title"] for row in skus} == {"Thé"}
