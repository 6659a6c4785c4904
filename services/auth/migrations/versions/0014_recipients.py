"""A limit of e-mails per recipient; several codes may be open, and outsiders' guesses count apart."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE email_request (
            id uuid PRIMARY KEY,
            recipient bytea NOT NULL,
            on_known_device boolean NOT NULL,
            created_at timestamptz NOT NULL
        );
        CREATE INDEX email_request_recent ON email_request (recipient, created_at);
        CREATE INDEX email_request_created ON email_request (created_at);

        ALTER TABLE one_time_code ADD COLUMN network text NOT NULL DEFAULT '',
            ADD COLUMN other_attempts integer NOT NULL DEFAULT 0;
        ALTER TABLE one_time_code ALTER COLUMN network DROP DEFAULT;
        DROP INDEX one_time_code_one_open;
        CREATE INDEX one_time_code_open ON one_time_code (subject, purpose)
            WHERE code_hash IS NOT NULL AND used_at IS NULL AND superseded_at IS NULL;
    """)
