"""Contacts, in-app notifications and outgoing e-mail."""

from alembic import op

from common.persistence.schema import create_bus_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_bus_tables()
    op.execute("""
    CREATE TABLE contact (
        user_id    uuid PRIMARY KEY,
        email      text NOT NULL,
        first_name text NOT NULL,
        last_name  text NOT NULL,
        language   text NOT NULL,
        roles      text[] NOT NULL,
        sequence   bigint NOT NULL
    );

    CREATE TABLE notification (
        id         uuid PRIMARY KEY,
        user_id    uuid NOT NULL,
        topic      text NOT NULL,
        title      text NOT NULL,
        body       text NOT NULL,
        data       jsonb NOT NULL,
        cause      uuid NOT NULL,
        created_at timestamptz NOT NULL,
        read_at    timestamptz,
        CONSTRAINT notification_once_per_cause UNIQUE (cause)
    );
    CREATE INDEX notification_of_user ON notification (user_id, id DESC);
    CREATE INDEX notification_unread ON notification (user_id) WHERE read_at IS NULL;

    CREATE TABLE email (
        id              uuid PRIMARY KEY,
        user_id         uuid NOT NULL,
        template        text NOT NULL,
        data            jsonb NOT NULL,
        state           text NOT NULL,
        attempts        integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL,
        recipient       text,
        language        text,
        last_error      text,
        cause           uuid NOT NULL,
        correlation_id  text NOT NULL,
        traceparent     text,
        tracestate      text,
        created_at      timestamptz NOT NULL,
        sent_at         timestamptz,
        CONSTRAINT email_once_per_cause UNIQUE (cause),
        CONSTRAINT email_state CHECK (state IN ('waiting_contact', 'queued', 'sending', 'sent', 'failed')),
        CONSTRAINT email_attempts_counted CHECK (attempts >= 0),
        CONSTRAINT email_sent_has_time CHECK ((state = 'sent') = (sent_at IS NOT NULL))
    );
    CREATE INDEX email_due ON email (next_attempt_at) WHERE state IN ('queued', 'sending');
    CREATE INDEX email_waiting ON email (user_id) WHERE state = 'waiting_contact';
    CREATE INDEX email_of_user ON email (user_id, id DESC);
    """)
