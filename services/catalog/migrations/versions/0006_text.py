"""Search without case and accents, text in one form, and category names that are unique below their parent."""

from alembic import op

from common.persistence.schema import create_text_functions

revision = "0006"
down_revision = "0005"

# The index goes with the column. Adding a stored column rewrites the table: seconds for 100,000 products.
SEARCH = """
ALTER TABLE product DROP COLUMN search;
ALTER TABLE product ADD COLUMN search tsvector NOT NULL GENERATED ALWAYS AS (
    setweight(to_tsvector('simple', search_text(title)), 'A')
    || setweight(to_tsvector('simple', search_text(coalesce(brand, '') || ' ' || coalesce(sku, ''))), 'B')
    || setweight(to_tsvector('simple', search_text(left(description, 20000))), 'C')
) STORED;
CREATE INDEX product_search ON product USING gin (search);
"""

# Text that was stored before it was normalised. A SKU keeps its form if another product has the normalised one.
TEXT = """
UPDATE product SET title = normalize(title), description = normalize(description), brand = normalize(brand)
WHERE title IS NOT NFC NORMALIZED OR description IS NOT NFC NORMALIZED OR brand IS NOT NFC NORMALIZED;
UPDATE product SET sku = normalize(sku) WHERE id IN (
    SELECT DISTINCT ON (normalize(p.sku)) p.id FROM product p
    WHERE p.sku IS NOT NFC NORMALIZED AND p.deleted_at IS NULL AND NOT EXISTS (
        SELECT FROM product other WHERE other.sku = normalize(p.sku) AND other.deleted_at IS NULL)
    ORDER BY normalize(p.sku), p.id);
UPDATE category SET name = normalize(name) WHERE name IS NOT NFC NORMALIZED;
"""

# Names that were there twice before keep their name without a key: the oldest has it. They get one when they change.
NAMES = """
ALTER TABLE category ADD COLUMN name_key text;
COMMENT ON COLUMN category.name_key IS 'the name as it is compared; null for a name that was there twice before';
UPDATE category SET name_key = text_key(name) WHERE id IN (
    SELECT DISTINCT ON (parent_id, text_key(name)) id FROM category
    ORDER BY parent_id, text_key(name), created_at, id);
CREATE UNIQUE INDEX category_name_once ON category
    (coalesce(parent_id, '00000000-0000-0000-0000-000000000000'), name_key);

CREATE FUNCTION set_category_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.name_key := text_key(NEW.name);
    RETURN NEW;
END $$;
CREATE TRIGGER category_name_key BEFORE INSERT OR UPDATE OF name, parent_id ON category
    FOR EACH ROW EXECUTE FUNCTION set_category_key();
"""


def upgrade() -> None:
    create_text_functions()
    for statements in (SEARCH, TEXT, NAMES):
        op.execute(statements)
