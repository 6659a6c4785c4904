"""Orders with their timeline, the price replica, carts and addresses."""

from alembic import op

from common.persistence.schema import create_bus_tables

revision = "0001"
down_revision = None

TABLES = """
CREATE SEQUENCE order_serial;
CREATE FUNCTION next_order_number(at timestamptz) RETURNS text LANGUAGE sql AS $$
    SELECT 'DK-' || to_char(at AT TIME ZONE 'UTC', 'YYYY') || '-' || lpad(serial, greatest(6, length(serial)), '0')
    FROM CAST(nextval('order_serial') AS text) AS serial
$$;

CREATE TABLE orders (
    id             uuid PRIMARY KEY,
    number         text NOT NULL CONSTRAINT orders_number UNIQUE,
    user_id        uuid NOT NULL,
    status         text NOT NULL CONSTRAINT orders_status CHECK (status IN (
        'pending', 'reserved', 'awaiting_payment', 'confirmed', 'shipped', 'delivered', 'cancelled', 'refunded',
        'partially_refunded')),
    status_reason  text,
    currency       text NOT NULL CONSTRAINT orders_currency CHECK (currency ~ '^[A-Z]{3}$'),
    subtotal       bigint NOT NULL,
    total          bigint NOT NULL,
    lines          jsonb NOT NULL,
    address        jsonb,
    note           text,
    provider       text NOT NULL,
    payment_method text,
    payment_id     uuid,
    payment_status text NOT NULL CONSTRAINT orders_payment_status CHECK (payment_status IN (
        'pending', 'action_required', 'failed', 'succeeded', 'partially_refunded', 'refunded')),
    payment_action jsonb,
    deadline       timestamptz,
    correlation_id text NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    CONSTRAINT orders_amounts CHECK (total >= 0 AND total <= subtotal),
    CONSTRAINT orders_lines CHECK (jsonb_array_length(lines) BETWEEN 1 AND 100),
    CONSTRAINT orders_deadline CHECK (
        (deadline IS NOT NULL) = (status IN ('pending', 'reserved', 'awaiting_payment'))),
    CONSTRAINT orders_cancelled_for_a_reason CHECK (status <> 'cancelled' OR status_reason IS NOT NULL),
    CONSTRAINT orders_confirmed_means_paid CHECK (
        status NOT IN ('confirmed', 'shipped', 'delivered') OR payment_id IS NOT NULL)
);
CREATE INDEX orders_of_user ON orders (user_id, id);
CREATE INDEX orders_due ON orders (deadline) WHERE deadline IS NOT NULL;

CREATE TABLE order_step (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id uuid NOT NULL CONSTRAINT order_step_order REFERENCES orders (id),
    at       timestamptz NOT NULL,
    status   text NOT NULL,
    event    text NOT NULL,
    cause    text,
    actor    text NOT NULL,
    detail   text NOT NULL DEFAULT ''
);
CREATE INDEX order_step_order ON order_step (order_id, id);

CREATE TABLE product_price (
    product_id uuid PRIMARY KEY,
    title      text NOT NULL,
    amount     bigint CONSTRAINT product_price_amount CHECK (amount >= 0),
    currency   text,
    is_active  boolean NOT NULL,
    sequence   bigint NOT NULL,
    CONSTRAINT product_price_is_money CHECK ((amount IS NULL) = (currency IS NULL)),
    CONSTRAINT product_price_of_active CHECK (amount IS NOT NULL OR NOT is_active)
);

CREATE TABLE cart_item (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL,
    product_id uuid NOT NULL,
    quantity   integer NOT NULL CONSTRAINT cart_item_quantity CHECK (quantity BETWEEN 1 AND 1000),
    CONSTRAINT cart_item_once UNIQUE (user_id, product_id)
);

CREATE TABLE address (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL,
    name        text NOT NULL,
    line1       text NOT NULL,
    line2       text NOT NULL,
    city        text NOT NULL,
    region      text NOT NULL,
    postal_code text NOT NULL,
    country     text NOT NULL,
    phone       text NOT NULL,
    is_default  boolean NOT NULL
);
CREATE INDEX address_of_user ON address (user_id, id);
CREATE UNIQUE INDEX address_one_default ON address (user_id) WHERE is_default;
"""


def upgrade() -> None:
    create_bus_tables()
    op.execute(TABLES)
