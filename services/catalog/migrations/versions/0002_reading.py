"""Indexes for every way to list products, and a record of when what the public sees has changed."""

from alembic import op

revision = "0002"
down_revision = "0001"

INDEXES = """
CREATE INDEX product_by_title ON product (title, id) WHERE deleted_at IS NULL AND is_active;
CREATE INDEX product_on_shelf ON product (category_id, created_at, id) WHERE deleted_at IS NULL AND is_active;
CREATE INDEX product_featured ON product (created_at, id) WHERE deleted_at IS NULL AND is_active AND is_featured;
"""

# Who remembers a snapshot can ask whether anything was committed that the snapshot does not see. A counter could not
# tell: it would have to be locked until the commit, or be seen before it.
CHANGE = """
CREATE TABLE public_change (
    xid xid8 PRIMARY KEY DEFAULT pg_current_xact_id(),
    at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX public_change_at ON public_change (at);
COMMENT ON TABLE public_change IS 'transactions that changed what product and category pages show';

CREATE FUNCTION note_public_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public_change DEFAULT VALUES ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER product_changes AFTER INSERT OR UPDATE OR DELETE ON product
    FOR EACH STATEMENT EXECUTE FUNCTION note_public_change();
CREATE TRIGGER category_changes AFTER INSERT OR UPDATE OR DELETE ON category
    FOR EACH STATEMENT EXECUTE FUNCTION note_public_change();
-- Quantities are not shown, only whether there is any: a checkout hardly ever changes that.
CREATE TRIGGER stock_changes AFTER UPDATE ON stock
    FOR EACH ROW WHEN ((old.available > 0) IS DISTINCT FROM (new.available > 0)) EXECUTE FUNCTION note_public_change();
CREATE TRIGGER stock_appears AFTER INSERT OR DELETE ON stock
    FOR EACH STATEMENT EXECUTE FUNCTION note_public_change();
"""


def upgrade() -> None:
    for statements in (INDEXES, CHANGE):
        op.execute(statements)
