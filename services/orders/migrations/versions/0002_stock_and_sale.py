"""What carts know of catalog: stock levels, list prices, and which categories are on sale."""

from alembic import op

revision = "0002"
down_revision = "0001"

REPLICA = """
ALTER TABLE product_price
    ADD COLUMN list_amount bigint,
    ADD COLUMN category_id uuid,
    ADD CONSTRAINT product_price_list CHECK (list_amount >= amount);

CREATE TABLE category_sale (
    category_id uuid PRIMARY KEY,
    on_sale     boolean NOT NULL,
    sequence    bigint NOT NULL
);

CREATE TABLE product_stock (
    product_id uuid PRIMARY KEY,
    available  integer NOT NULL CONSTRAINT product_stock_available CHECK (available >= 0),
    sequence   bigint NOT NULL
) WITH (fillfactor = 70);
"""


def upgrade() -> None:
    op.execute(REPLICA)
