"""Order numbers without gaps, from 1 in each year."""

from alembic import op

revision = "0004"
down_revision = "0003"

# A sequence leaves gaps, because it does not take part in a rollback. The year is that of UTC, as in `created_at`.
COUNTER = """
CREATE TABLE order_counter (
    year integer PRIMARY KEY,
    last bigint NOT NULL
);
CREATE FUNCTION take_order_numbers(at timestamptz, amount bigint, OUT year integer, OUT last bigint)
LANGUAGE sql AS $$
    INSERT INTO order_counter AS counter (year, last) VALUES (extract(year FROM at AT TIME ZONE 'UTC'), amount)
    ON CONFLICT (year) DO UPDATE SET last = counter.last + EXCLUDED.last
    RETURNING counter.year, counter.last
$$;
CREATE FUNCTION order_number(year integer, serial bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'DK-' || year || '-' || lpad(serial::text, greatest(6, length(serial::text)), '0')
$$;
"""

# Without the lock, an order that is placed during the migration could have the next number already. The function stays
# for processes of the former version, which run until they are replaced.
SEED = """
LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO order_counter (year, last)
SELECT substring(number FROM 4 FOR 4)::integer, max(substring(number FROM 9)::bigint) FROM orders GROUP BY 1;
CREATE OR REPLACE FUNCTION next_order_number(at timestamptz) RETURNS text LANGUAGE sql AS $$
    SELECT order_number(taken.year, taken.last) FROM take_order_numbers(at, 1) AS taken
$$;
DROP SEQUENCE order_serial;
"""


def upgrade() -> None:
    op.execute(COUNTER)
    op.execute(SEED)
