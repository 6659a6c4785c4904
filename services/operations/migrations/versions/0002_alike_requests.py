"""An entry of the request log may stand for several requests alike."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE request ADD COLUMN times integer NOT NULL DEFAULT 1")
