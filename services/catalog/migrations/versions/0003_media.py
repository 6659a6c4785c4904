"""People keep pictures of their own, private ones too, and one of them is their avatar."""

from alembic import op

revision = "0003"
down_revision = "0002"

MEDIA = """
ALTER TABLE media
    ADD COLUMN visibility text NOT NULL DEFAULT 'public'
        CONSTRAINT media_visibility CHECK (visibility IN ('public', 'private')),
    ADD COLUMN is_avatar boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT media_private_is_somebodys CHECK (visibility = 'public' OR owner_id IS NOT NULL),
    ADD CONSTRAINT media_avatar_is_private CHECK (NOT is_avatar OR visibility = 'private');
CREATE INDEX media_of_owner ON media (owner_id, id);
-- One is shown while the next is made.
CREATE UNIQUE INDEX media_one_avatar ON media (owner_id, state) WHERE is_avatar;
"""

DISCARDED = """
CREATE TABLE discarded_media (
    media_id   uuid PRIMARY KEY,
    visibility text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE discarded_media IS 'what is gone, and whose files may still be there';
"""


def upgrade() -> None:
    for statements in (MEDIA, DISCARDED):
        op.execute(statements)
