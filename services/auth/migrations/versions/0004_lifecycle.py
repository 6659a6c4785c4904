"""Deletion that can be taken back for a while, and a daily number of messages of one's own."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE account ADD COLUMN max_messages_per_day integer,
            ADD COLUMN deleted_at timestamptz,
            ADD COLUMN erased_at timestamptz,
            ADD CONSTRAINT account_messages_not_negative CHECK (max_messages_per_day >= 0),
            ADD CONSTRAINT account_deleted_is_closed CHECK (deleted_at IS NULL OR NOT is_active),
            ADD CONSTRAINT account_erased_is_deleted CHECK (erased_at IS NULL OR deleted_at IS NOT NULL);
        CREATE INDEX account_to_erase ON account (deleted_at) WHERE deleted_at IS NOT NULL AND erased_at IS NULL;
    """)
