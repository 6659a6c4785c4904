"""Contacts, messages, what was reported of them, and daily quotas."""

from alembic import op

from common.persistence.schema import create_bus_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_bus_tables()
    op.execute(r"""
    CREATE TABLE contact (
        user_id   uuid PRIMARY KEY,
        phone     text,
        time_zone text NOT NULL,
        sequence  bigint NOT NULL,
        CONSTRAINT contact_phone_e164 CHECK (phone ~ '^\+[1-9][0-9]{6,14}$')
    );

    CREATE TABLE message (
        id             uuid PRIMARY KEY,
        user_id        uuid NOT NULL,
        channel        text NOT NULL,
        recipient      text NOT NULL,
        type           text NOT NULL DEFAULT 'text',
        text           text NOT NULL,
        client_ref     text,
        cause          uuid,
        status         text NOT NULL DEFAULT 'queued',
        rank           smallint GENERATED ALWAYS AS (
                           CASE status WHEN 'queued' THEN 0 WHEN 'sending' THEN 1 WHEN 'sent' THEN 2
                                       WHEN 'delivered' THEN 3 ELSE 4 END) STORED,
        attempts       integer NOT NULL DEFAULT 0,
        due_at         timestamptz NOT NULL,
        provider_id    text,
        error_code     text,
        error_message  text,
        charged_to     uuid NOT NULL,
        charged_on     date NOT NULL,
        queued_event   uuid NOT NULL,
        correlation_id text NOT NULL,
        traceparent    text,
        tracestate     text,
        queued_at      timestamptz NOT NULL,
        sent_at        timestamptz,
        delivered_at   timestamptz,
        read_at        timestamptz,
        CONSTRAINT message_once_per_cause UNIQUE (cause),
        CONSTRAINT message_once_per_client_ref UNIQUE (user_id, client_ref),
        CONSTRAINT message_channel CHECK (channel IN ('whatsapp', 'sms')),
        CONSTRAINT message_recipient_e164 CHECK (recipient ~ '^\+[1-9][0-9]{6,14}$'),
        CONSTRAINT message_text_length CHECK (char_length(text) BETWEEN 1 AND 4096),
        CONSTRAINT message_status CHECK (status IN ('queued', 'sending', 'sent', 'delivered', 'read', 'failed')),
        CONSTRAINT message_failed_has_code CHECK ((status = 'failed') = (error_code IS NOT NULL))
    );
    CREATE INDEX message_to_send ON message (due_at) WHERE status IN ('queued', 'sending');
    CREATE INDEX message_to_ask_after ON message (due_at) WHERE status = 'sent';
    CREATE INDEX message_of_user ON message (user_id, id DESC);

    CREATE TABLE message_report (
        message_id uuid NOT NULL REFERENCES message (id) ON DELETE CASCADE,
        status     text NOT NULL,
        at         timestamptz NOT NULL,
        heard_at   timestamptz NOT NULL,
        code       text,
        detail     text,
        PRIMARY KEY (message_id, status),
        CONSTRAINT message_report_status CHECK (status IN ('sent', 'delivered', 'read', 'failed'))
    );

    CREATE TABLE waiting_confirmation (
        cause          uuid PRIMARY KEY,
        user_id        uuid NOT NULL,
        text           text NOT NULL,
        correlation_id text NOT NULL,
        traceparent    text,
        tracestate     text
    );
    CREATE INDEX waiting_confirmation_user ON waiting_confirmation (user_id);

    CREATE TABLE quota_usage (
        user_id uuid NOT NULL,
        day     date NOT NULL,
        used    integer NOT NULL,
        PRIMARY KEY (user_id, day),
        CONSTRAINT quota_usage_not_negative CHECK (used >= 0)
    );
    """)
