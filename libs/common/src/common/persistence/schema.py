"""What every service's database has: the tables of the bus and of idempotent requests, and `search_text`."""

from alembic import op
from sqlalchemy import text

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

MARKS = r"\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
"""Latin, Greek and Cyrillic accents, Hebrew points, Arabic vowel signs and hamza."""

# Letters with a stroke have no decomposition.
LETTERS = ("øłđħŧıƶǥ", "oldhtizg")
PAIRS = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}

# A database with the locale C, as the embedded one, lowers ASCII only: a collation that knows Unicode is named. One of
# the two exists in every PostgreSQL from 17 on, and in those before that were built with ICU.
COLLATION = """
SELECT coalesce((SELECT 'COLLATE ' || quote_ident(collname) FROM pg_collation
                 WHERE collname IN ('pg_c_utf8', 'und-x-icu') ORDER BY collname LIMIT 1), '')
"""
SEARCH_TEXT = """
CREATE FUNCTION search_text(source text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN octet_length(source) = length(source) THEN lower(source) ELSE normalize({}, NFC) END
$$
"""
TEXT_KEY = r"""
CREATE FUNCTION text_key(source text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT lower(regexp_replace(btrim(normalize(source, NFKC)), '\s+', ' ', 'g') {})
$$
"""


def create_bus_tables() -> None:
    """Called by each service's first migration."""
    op.execute(BUS_TABLES)


def create_text_functions() -> None:
    """Create `search_text` (common.persistence.search), and `text_key`: equal for names that people read as one."""
    collation = op.get_bind().scalar(text(COLLATION))
    letters = rf"lower(regexp_replace(normalize(source, NFKD), '[{MARKS}]+', '', 'g') {collation})"
    letters = f"translate({letters}, '{LETTERS[0]}', '{LETTERS[1]}')"
    for letter, pair in PAIRS.items():
        letters = f"replace({letters}, '{letter}', '{pair}')"
    op.execute(SEARCH_TEXT.format(letters))
    op.execute(TEXT_KEY.format(collation))
