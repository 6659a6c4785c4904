"""Accounts at other issuers that sign in to one here, and sign-ins that are on their way through such an issuer."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("""
        -- Who came by another issuer chose no password.
        ALTER TABLE account ALTER COLUMN password_hash DROP NOT NULL;

        CREATE TABLE identity (
            id           uuid PRIMARY KEY,
            account_id   uuid NOT NULL REFERENCES account ON DELETE CASCADE,
            provider     text NOT NULL,
            issuer       text NOT NULL,
            subject      text NOT NULL,
            email        text,
            created_at   timestamptz NOT NULL,
            last_used_at timestamptz,
            CONSTRAINT identity_once UNIQUE (issuer, subject)
        );
        CREATE INDEX identity_account ON identity (account_id, id);

        -- `place` is the address or the network that asked, so that nobody fills the table. `account_id` is whose
        -- account an identity is to be linked to, `outcome` what the issuer said, sealed while a code is asked for.
        CREATE TABLE oidc_flow (
            state_hash   bytea PRIMARY KEY,
            provider     text NOT NULL,
            account_id   uuid REFERENCES account ON DELETE CASCADE,
            sealed       bytea NOT NULL,
            browser_hash bytea NOT NULL,
            outcome      bytea,
            claimed_at   timestamptz,
            place        text NOT NULL,
            expires_at   timestamptz NOT NULL
        );
        CREATE INDEX oidc_flow_place ON oidc_flow (place, expires_at);
        CREATE INDEX oidc_flow_account ON oidc_flow (account_id);
        CREATE INDEX oidc_flow_expiry ON oidc_flow (expires_at);
    """)
