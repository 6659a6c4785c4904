"""A way from a person to the stock that they adjusted; what a checkout moves has no actor."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("CREATE INDEX stock_ledger_actor ON stock_ledger (actor, id) WHERE actor IS NOT NULL")
