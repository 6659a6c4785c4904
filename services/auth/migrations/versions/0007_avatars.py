"""Accounts know their picture by its id: the URL is signed anew for each hour."""

from alembic import op

revision = "0007"
down_revision = "0006"

AVATAR = """
ALTER TABLE account DROP COLUMN avatar_url;
ALTER TABLE account ADD COLUMN avatar_id uuid, ADD COLUMN avatar_sequence bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN account.avatar_sequence IS 'of the event of catalog that named the picture';
"""


def upgrade() -> None:
    op.execute(AVATAR)
