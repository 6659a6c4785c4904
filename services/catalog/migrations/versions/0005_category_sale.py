"""Whether products of a category are on sale: not below an inactive category, at any depth."""

from alembic import op

revision = "0005"
down_revision = "0004"

ON_SALE = """
ALTER TABLE category ADD COLUMN on_sale boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN category.on_sale IS 'whether it and all categories above it are active';
UPDATE category SET on_sale = false
WHERE EXISTS (SELECT FROM category above WHERE above.id = ANY(category.lineage) AND NOT above.is_active);
CREATE INDEX category_off_sale ON category (id) WHERE NOT on_sale;
"""


def upgrade() -> None:
    op.execute(ON_SALE)
