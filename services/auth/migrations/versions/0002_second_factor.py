"""Authenticator apps, recovery codes, and the devices that sessions belong to."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE totp (
            account_id    uuid PRIMARY KEY REFERENCES account ON DELETE CASCADE,
            sealed_secret bytea NOT NULL,
            last_step     bigint NOT NULL DEFAULT 0,
            created_at    timestamptz NOT NULL,
            confirmed_at  timestamptz
        );

        CREATE TABLE recovery_code (
            account_id uuid NOT NULL REFERENCES totp ON DELETE CASCADE,
            hash       bytea NOT NULL,
            used_at    timestamptz,
            PRIMARY KEY (account_id, hash)
        );

        CREATE TABLE device (
            id            uuid PRIMARY KEY,
            account_id    uuid NOT NULL REFERENCES account ON DELETE CASCADE,
            name          text NOT NULL,
            address       inet NOT NULL,
            user_agent    text,
            first_seen_at timestamptz NOT NULL,
            seen_at       timestamptz NOT NULL,
            CONSTRAINT device_once_per_account UNIQUE (account_id, name)
        );
        CREATE INDEX device_unseen ON device (seen_at);

        ALTER TABLE session ADD COLUMN device_id uuid REFERENCES device ON DELETE SET NULL;
        CREATE INDEX session_device ON session (device_id);

        -- The trail is read backwards, by its cursor.
        DROP INDEX audit_account;
        CREATE INDEX audit_account ON audit (account_id, id);
    """)
