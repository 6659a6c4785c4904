"""Accounts, sessions, refresh tokens, signing keys, throttles and the audit trail."""

from alembic import op

from common.persistence.schema import create_bus_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_bus_tables()
    op.execute("""
        CREATE TABLE account (
            id              uuid PRIMARY KEY,
            email           text NOT NULL,
            username        text,
            password_hash   text NOT NULL,
            role            text NOT NULL DEFAULT 'customer',
            first_name      text NOT NULL DEFAULT '',
            last_name       text NOT NULL DEFAULT '',
            phone           text,
            birth_date      date,
            address         text NOT NULL DEFAULT '',
            city            text NOT NULL DEFAULT '',
            pincode         text NOT NULL DEFAULT '',
            language        text NOT NULL DEFAULT 'en',
            time_zone       text NOT NULL DEFAULT 'UTC',
            avatar_url      text,
            is_active       boolean NOT NULL DEFAULT true,
            email_confirmed boolean NOT NULL DEFAULT false,
            created_at      timestamptz NOT NULL,
            updated_at      timestamptz NOT NULL,
            CONSTRAINT account_email_unique UNIQUE (email),
            CONSTRAINT account_role_known CHECK (role IN ('customer', 'staff', 'admin')),
            CONSTRAINT account_phone_e164 CHECK (phone ~ '^[+][1-9][0-9]{6,14}$')
        );
        CREATE UNIQUE INDEX account_username_unique ON account (lower(username));
        CREATE INDEX account_created ON account (created_at DESC, id);
        CREATE INDEX account_admins ON account (id) WHERE role = 'admin';

        CREATE TABLE session (
            id                uuid PRIMARY KEY,
            account_id        uuid NOT NULL REFERENCES account ON DELETE CASCADE,
            device_name       text,
            address           inet,
            user_agent        text,
            created_at        timestamptz NOT NULL,
            seen_at           timestamptz NOT NULL,
            expires_at        timestamptz NOT NULL,
            access_expires_at timestamptz NOT NULL,
            ended_at          timestamptz,
            end_reason        text,
            CONSTRAINT session_end_has_a_reason CHECK ((ended_at IS NULL) = (end_reason IS NULL))
        );
        CREATE INDEX session_live ON session (account_id) WHERE ended_at IS NULL;
        CREATE INDEX session_revoked ON session (access_expires_at) WHERE ended_at IS NOT NULL;
        CREATE INDEX session_account ON session (account_id);
        CREATE INDEX session_expiry ON session (expires_at);

        CREATE TABLE refresh_token (
            hash       bytea PRIMARY KEY,
            session_id uuid NOT NULL REFERENCES session ON DELETE CASCADE,
            parent     bytea,
            issued_at  timestamptz NOT NULL,
            rotated_at timestamptz,
            CONSTRAINT refresh_token_one_child UNIQUE (parent)
        );
        CREATE INDEX refresh_token_session ON refresh_token (session_id);
        CREATE UNIQUE INDEX refresh_token_one_current ON refresh_token (session_id) WHERE rotated_at IS NULL;

        CREATE TABLE signing_key (
            kid            text PRIMARY KEY,
            public_key     bytea NOT NULL,
            sealed_private bytea NOT NULL,
            state          text NOT NULL,
            created_at     timestamptz NOT NULL,
            activated_at   timestamptz,
            retired_at     timestamptz,
            CONSTRAINT signing_key_state_known CHECK (state IN ('next', 'active', 'retired'))
        );
        CREATE UNIQUE INDEX signing_key_one_each ON signing_key (state) WHERE state IN ('next', 'active');

        CREATE TABLE throttle (
            key           bytea PRIMARY KEY,
            failures      integer NOT NULL DEFAULT 0,
            last_at       timestamptz,
            blocked_until timestamptz
        );

        CREATE TABLE audit (
            id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            at         timestamptz NOT NULL,
            action     text NOT NULL,
            outcome    text NOT NULL,
            account_id uuid,
            actor_id   uuid,
            session_id uuid,
            address    inet,
            user_agent text,
            request_id text,
            detail     jsonb NOT NULL DEFAULT '{}'
        );
        CREATE INDEX audit_at ON audit (at);
        CREATE INDEX audit_account ON audit (account_id, at);
    """)
