"""The tables of the bus and of idempotent requests, which every service's database has."""

from alembic import op

BUS_TABLES = """
CREATE TABLE outbox (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id       uuid NOT NULL,
    type           text NOT NULL,
    source         text NOT NULL,
    subject        text NOT NULL,
    partition_no   smallint NOT NULL,
    occurred_at    timestamptz NOT NULL,
    payload        bytea NOT NULL,
    correlation_id text NOT NULL,
    causation_id   text,
    traceparent    text,
    tracestate     text,
    queue          text,
    sequence       bigint,
    created_at     timestamptz NOT NULL DEFAULT now(),
    attempts       integer NOT NULL DEFAULT 0,
    last_error     text,
    published_at   timestamptz,
    dead_at        timestamptz
);
CREATE INDEX outbox_pending ON outbox (id) WHERE published_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_dead_subject ON outbox (subject) WHERE dead_at IS NOT NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;

CREATE TABLE outbox_partition (partition_no smallint PRIMARY KEY);
INSERT INTO outbox_partition SELECT generate_series(0, 7);

CREATE TABLE inbox (
    consumer    text NOT NULL,
    event_id    uuid NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_accepted ON inbox (accepted_at);

CREATE TABLE delivery (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription    text NOT NULL,
    event_id        uuid NOT NULL,
    headers         jsonb NOT NULL,
    correlation_id  text NOT NULL,
    payload         bytea NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT delivery_once UNIQUE (subscription, event_id)
);
CREATE INDEX delivery_due ON delivery (subscription, id);

CREATE TABLE idempotency (
    user_id      uuid NOT NULL,
    route        text NOT NULL,
    key          text NOT NULL,
    request_hash bytea NOT NULL,
    status       smallint,
    body         bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, route, key)
);
CREATE INDEX idempotency_created ON idempotency (created_at);
"""


def create_bus_tables() -> None:
    """Called by each service's first migration."""
    op.execute(BUS_TABLES)
