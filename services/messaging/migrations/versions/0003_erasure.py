"""Contacts of erased people stay as tombstones: what is said of them later, or again, makes nobody known."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE contact ADD COLUMN erased_at timestamptz")
