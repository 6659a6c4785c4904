"""Categories, products, stock with reservations and ledger, media."""

from alembic import op

from common.persistence.schema import create_bus_tables

revision = "0001"
down_revision = None

CATEGORY = """
CREATE TABLE category (
    id          uuid PRIMARY KEY,
    parent_id   uuid CONSTRAINT category_parent REFERENCES category,
    lineage     uuid[] NOT NULL,
    name        text NOT NULL CONSTRAINT category_name_length CHECK (length(name) BETWEEN 1 AND 120),
    slug        text NOT NULL CONSTRAINT category_slug_once UNIQUE,
    banner_url  text,
    is_active   boolean NOT NULL DEFAULT true,
    is_featured boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT category_lineage_ends_in_itself CHECK (lineage[cardinality(lineage)] = id)
);
CREATE INDEX category_parent_id ON category (parent_id);
CREATE INDEX category_lineage ON category USING gin (lineage);
COMMENT ON COLUMN category.lineage IS 'ids from the root down to the category itself';
"""

PRODUCT = """
CREATE TABLE product (
    id               uuid PRIMARY KEY,
    category_id      uuid CONSTRAINT product_category REFERENCES category ON DELETE SET NULL,
    title            text NOT NULL CONSTRAINT product_title_length CHECK (length(title) BETWEEN 1 AND 200),
    slug             text NOT NULL,
    sku              text,
    external_key     text,
    description      text NOT NULL DEFAULT '',
    brand            text,
    attributes       jsonb NOT NULL DEFAULT '{}',
    images           json NOT NULL DEFAULT '[]',
    price_amount     bigint NOT NULL CONSTRAINT product_price_not_negative CHECK (price_amount >= 0),
    discount_percent smallint NOT NULL DEFAULT 0
                     CONSTRAINT product_discount_range CHECK (discount_percent BETWEEN 0 AND 100),
    final_amount     bigint NOT NULL
                     CONSTRAINT product_final_price_range CHECK (final_amount BETWEEN 0 AND price_amount),
    currency         text NOT NULL CONSTRAINT product_currency_code CHECK (currency ~ '^[A-Z]{3}$'),
    is_active        boolean NOT NULL DEFAULT true,
    is_featured      boolean NOT NULL DEFAULT false,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    deleted_at       timestamptz,
    search           tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', title), 'A')
        || setweight(to_tsvector('simple', coalesce(brand, '') || ' ' || coalesce(sku, '')), 'B')
        || setweight(to_tsvector('simple', left(description, 20000)), 'C')
    ) STORED
);
CREATE UNIQUE INDEX product_slug_once ON product (slug) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX product_sku_once ON product (sku) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX product_external_key_once ON product (external_key) WHERE deleted_at IS NULL;
CREATE INDEX product_newest ON product (created_at, id) WHERE deleted_at IS NULL AND is_active;
CREATE INDEX product_cheapest ON product (final_amount, id) WHERE deleted_at IS NULL AND is_active;
CREATE INDEX product_of_category ON product (category_id) WHERE deleted_at IS NULL;
CREATE INDEX product_search ON product USING gin (search);
"""

STOCK = """
CREATE TABLE stock (
    product_id    uuid PRIMARY KEY CONSTRAINT stock_product REFERENCES product,
    available     integer NOT NULL DEFAULT 0 CONSTRAINT stock_available_not_negative CHECK (available >= 0),
    reserved      integer NOT NULL DEFAULT 0 CONSTRAINT stock_reserved_not_negative CHECK (reserved >= 0),
    sold          integer NOT NULL DEFAULT 0 CONSTRAINT stock_sold_not_negative CHECK (sold >= 0),
    low_threshold integer NOT NULL DEFAULT 5 CONSTRAINT stock_threshold_not_negative CHECK (low_threshold >= 0)
) WITH (fillfactor = 70);

CREATE TABLE reservation (
    order_id   uuid PRIMARY KEY,
    state      text NOT NULL
               CONSTRAINT reservation_state CHECK (state IN ('reserved', 'rejected', 'committed', 'released')),
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX reservation_expiry ON reservation (expires_at) WHERE state = 'reserved';
COMMENT ON TABLE reservation IS
    'Every order that catalog was told of. One that was refused, or cancelled before it was placed, has no lines.';

-- Lines and ledger are written at checkout speed, under the lock of the stock row that they name; products are never
-- deleted. Foreign keys would look up once more, per line, what is known.
CREATE TABLE reservation_line (
    order_id   uuid NOT NULL,
    product_id uuid NOT NULL,
    quantity   integer NOT NULL CONSTRAINT reservation_line_quantity_positive CHECK (quantity > 0),
    CONSTRAINT reservation_line_once PRIMARY KEY (order_id, product_id)
);

CREATE TABLE stock_ledger (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id uuid NOT NULL,
    delta      integer NOT NULL,
    kind       text NOT NULL
               CONSTRAINT stock_ledger_kind CHECK (kind IN ('reserved', 'released', 'returned', 'adjusted')),
    reason     text,
    note       text,
    actor      uuid,
    order_id   uuid,
    at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX stock_ledger_product ON stock_ledger (product_id, id);
COMMENT ON COLUMN stock_ledger.delta IS 'change of what is available: the sum per product is stock.available';

CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'stock_ledger is append-only';
END $$;
CREATE TRIGGER stock_ledger_append_only BEFORE UPDATE OR DELETE ON stock_ledger
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
"""

MEDIA = """
CREATE TABLE media (
    id            uuid PRIMARY KEY,
    product_id    uuid CONSTRAINT media_product REFERENCES product,
    owner_id      uuid,
    position      integer NOT NULL DEFAULT 0,
    state         text NOT NULL DEFAULT 'pending'
                  CONSTRAINT media_state CHECK (state IN ('pending', 'ready', 'rejected')),
    content_type  text NOT NULL,
    size_bytes    integer NOT NULL,
    sha256        bytea NOT NULL,
    width         integer,
    height        integer,
    reason        text,
    attempts      integer NOT NULL DEFAULT 0,
    claimed_until timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX media_once_per_product ON media (product_id, sha256) WHERE state <> 'rejected';
CREATE INDEX media_of_product ON media (product_id, position, id) WHERE state = 'ready';
CREATE INDEX media_pending ON media (created_at) WHERE state = 'pending';
"""


def upgrade() -> None:
    create_bus_tables()
    for tables in (CATEGORY, PRODUCT, STOCK, MEDIA):
        op.execute(tables)
