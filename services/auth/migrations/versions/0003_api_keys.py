"""API keys."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE api_key (
            id            uuid PRIMARY KEY,
            public_id     text NOT NULL,
            account_id    uuid NOT NULL REFERENCES account ON DELETE CASCADE,
            -- Whose id the key's tokens carry; made anew when it was ended, as all of an account's may be.
            session_id    uuid REFERENCES session ON DELETE SET NULL,
            name          text NOT NULL,
            hash          bytea NOT NULL,
            retired_hash  bytea,
            retired_until timestamptz,
            scopes        text[] NOT NULL,
            ip_allow      cidr[] NOT NULL DEFAULT '{}',
            daily_limit   integer,
            spent_on      date,
            spent         integer NOT NULL DEFAULT 0,
            expires_at    timestamptz,
            last_used_at  timestamptz,
            revoked_at    timestamptz,
            created_at    timestamptz NOT NULL,
            CONSTRAINT api_key_public_id_unique UNIQUE (public_id),
            CONSTRAINT api_key_session_unique UNIQUE (session_id),
            CONSTRAINT api_key_has_a_scope CHECK (cardinality(scopes) > 0),
            CONSTRAINT api_key_daily_limit_positive CHECK (daily_limit > 0),
            CONSTRAINT api_key_retires_with_a_time CHECK ((retired_hash IS NULL) = (retired_until IS NULL))
        );
        CREATE INDEX api_key_account ON api_key (account_id, id);
    """)
