"""The daily number of messages that an administrator has set for one person."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE contact ADD COLUMN max_messages_per_day integer")
