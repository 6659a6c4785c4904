"""The event journal, dead letters and the request log."""

from alembic import op

from common.persistence.schema import create_bus_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_bus_tables()
    op.execute("""
        CREATE TABLE event (
            id             uuid PRIMARY KEY,
            type           text NOT NULL,
            source         text NOT NULL,
            subject        text NOT NULL,
            time           timestamptz NOT NULL,
            sequence       bigint NOT NULL,
            correlation_id text NOT NULL,
            causation_id   text,
            data           jsonb NOT NULL,
            received_at    timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX event_correlation ON event (correlation_id);
        CREATE INDEX event_type ON event (type, id DESC);
        CREATE INDEX event_source ON event (source, id DESC);
        CREATE INDEX event_subject ON event (subject, id DESC);
        CREATE INDEX event_received ON event USING brin (received_at);

        CREATE TABLE dead_letter (
            id             uuid PRIMARY KEY,
            queue          text NOT NULL,
            event_id       uuid NOT NULL,
            type           text NOT NULL,
            source         text NOT NULL,
            subject        text NOT NULL,
            time           timestamptz NOT NULL,
            sequence       bigint NOT NULL,
            correlation_id text NOT NULL,
            causation_id   text,
            traceparent    text,
            tracestate     text,
            payload        bytea NOT NULL,
            error          text NOT NULL,
            attempts       integer NOT NULL,
            deaths         integer NOT NULL DEFAULT 1,
            state          text NOT NULL DEFAULT 'waiting',
            first_died_at  timestamptz NOT NULL DEFAULT now(),
            last_died_at   timestamptz NOT NULL DEFAULT now(),
            decided_at     timestamptz,
            decided_by     uuid,
            CONSTRAINT dead_letter_once_per_queue UNIQUE (queue, event_id),
            CONSTRAINT dead_letter_state_known CHECK (state IN ('waiting', 'replayed', 'discarded')),
            CONSTRAINT dead_letter_decision CHECK ((state = 'waiting') = (decided_at IS NULL))
        );
        CREATE INDEX dead_letter_waiting ON dead_letter (queue, id) WHERE state = 'waiting';
        CREATE INDEX dead_letter_type ON dead_letter (type, id DESC);

        CREATE TABLE request (
            id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            request_id  text NOT NULL,
            at          timestamptz NOT NULL,
            method      text NOT NULL,
            path        text NOT NULL,
            status      smallint NOT NULL,
            duration_ms double precision NOT NULL,
            service     text,
            user_id     uuid,
            ip          text,
            user_agent  text
        );
        CREATE INDEX request_user ON request (user_id, id DESC) WHERE user_id IS NOT NULL;
        CREATE INDEX request_failed ON request (status, id DESC) WHERE status >= 400;
        CREATE INDEX request_at ON request USING brin (at);
    """)
