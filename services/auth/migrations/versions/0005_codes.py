"""One-time codes with their links, and the addresses of those who wait for the opening."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""
        -- `subject` stands for the address that was given, known or not: both take the same path.
        CREATE TABLE one_time_code (
            id            uuid PRIMARY KEY,
            purpose       text NOT NULL,
            subject       bytea NOT NULL,
            account_id    uuid,
            code_hash     bytea,
            token_hash    bytea NOT NULL,
            attempts      integer NOT NULL DEFAULT 0,
            address       inet NOT NULL,
            created_at    timestamptz NOT NULL,
            expires_at    timestamptz NOT NULL,
            verified_at   timestamptz,
            used_at       timestamptz,
            superseded_at timestamptz,
            CONSTRAINT one_time_code_purpose_known CHECK (purpose IN ('confirm_email', 'reset_password')),
            CONSTRAINT one_time_code_token_unique UNIQUE (token_hash)
        );
        CREATE UNIQUE INDEX one_time_code_one_open ON one_time_code (subject, purpose)
            WHERE used_at IS NULL AND superseded_at IS NULL;
        CREATE INDEX one_time_code_recent ON one_time_code (subject, purpose, created_at);
        CREATE INDEX one_time_code_account ON one_time_code (account_id)
            WHERE used_at IS NULL AND superseded_at IS NULL;
        CREATE INDEX one_time_code_history ON one_time_code (purpose, id DESC);
        CREATE INDEX one_time_code_created ON one_time_code (created_at);

        CREATE TABLE pre_registration (
            id         uuid PRIMARY KEY,
            email      text NOT NULL,
            first_name text NOT NULL,
            last_name  text NOT NULL,
            created_at timestamptz NOT NULL,
            CONSTRAINT pre_registration_once UNIQUE (email)
        );
    """)
