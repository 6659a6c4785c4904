"""Passkeys, the challenges they answer, and when the owner of a session last proved who they are."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE session ADD COLUMN proved_at timestamptz;

        CREATE TABLE passkey (
            id            uuid PRIMARY KEY,
            account_id    uuid NOT NULL REFERENCES account ON DELETE CASCADE,
            credential_id bytea NOT NULL,
            public_key    bytea NOT NULL,
            sign_count    bigint NOT NULL,
            name          text NOT NULL,
            transports    text[] NOT NULL,
            is_synced     boolean NOT NULL,
            created_at    timestamptz NOT NULL,
            last_used_at  timestamptz,
            CONSTRAINT passkey_credential_unique UNIQUE (credential_id)
        );
        CREATE INDEX passkey_account ON passkey (account_id, id);

        -- `place` is the address or the network that asked, so that nobody fills the table.
        CREATE TABLE passkey_challenge (
            hash       bytea PRIMARY KEY,
            purpose    text NOT NULL,
            account_id uuid REFERENCES account ON DELETE CASCADE,
            place      text NOT NULL,
            expires_at timestamptz NOT NULL,
            CONSTRAINT passkey_challenge_purpose_known CHECK (purpose IN ('register', 'sign_in', 'step_up')),
            CONSTRAINT passkey_challenge_bound CHECK ((purpose = 'sign_in') = (account_id IS NULL))
        );
        CREATE INDEX passkey_challenge_place ON passkey_challenge (place, expires_at);
        CREATE INDEX passkey_challenge_account ON passkey_challenge (account_id);
        CREATE INDEX passkey_challenge_expiry ON passkey_challenge (expires_at);
    """)
