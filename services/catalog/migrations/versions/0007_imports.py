"""An import is a task: its file, its progress and its report outlive the request and the process."""

from alembic import op

revision = "0007"
down_revision = "0006"

IMPORTS = """
CREATE TABLE product_import (
    id            uuid PRIMARY KEY,
    owner_id      uuid,
    status        text NOT NULL DEFAULT 'PENDING' CONSTRAINT product_import_status
                  CHECK (status IN ('PENDING', 'STARTED', 'SUCCESS', 'FAILURE', 'RETRY', 'REVOKED')),
    file_name     text,
    size_bytes    bigint NOT NULL,
    options       jsonb NOT NULL,
    columns       jsonb,
    mapping       jsonb,
    note          text,
    done          integer NOT NULL DEFAULT 0,
    total         integer,
    created       integer NOT NULL DEFAULT 0,
    updated       integer NOT NULL DEFAULT 0,
    unchanged     integer NOT NULL DEFAULT 0,
    failed        integer NOT NULL DEFAULT 0,
    error_code    text,
    error_message text,
    attempts      integer NOT NULL DEFAULT 0,
    claimed_until timestamptz,
    created_at    timestamptz NOT NULL,
    started_at    timestamptz,
    finished_at   timestamptz
);
CREATE INDEX product_import_unfinished ON product_import (created_at)
    WHERE status IN ('PENDING', 'STARTED', 'RETRY');
CREATE INDEX product_import_of_owner ON product_import (owner_id, id);
CREATE INDEX product_import_finished ON product_import (finished_at) WHERE finished_at IS NOT NULL;
"""

CHUNKS = """
CREATE TABLE product_import_chunk (
    import_id uuid NOT NULL CONSTRAINT product_import_chunk_import REFERENCES product_import ON DELETE CASCADE,
    number    integer NOT NULL,
    content   bytea NOT NULL,
    PRIMARY KEY (import_id, number)
);
COMMENT ON TABLE product_import_chunk IS 'the file, until the import has finished';
"""

ROWS = """
CREATE TABLE product_import_row (
    import_id    uuid NOT NULL CONSTRAINT product_import_row_import REFERENCES product_import ON DELETE CASCADE,
    position     integer NOT NULL,
    line         integer NOT NULL,
    outcome      text NOT NULL CONSTRAINT product_import_row_outcome
                 CHECK (outcome IN ('created', 'updated', 'unchanged', 'failed')),
    product_id   uuid,
    external_key text,
    sku          text,
    image        text,
    errors       jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (import_id, position)
);
COMMENT ON TABLE product_import_row IS 'the report of an import';
CREATE INDEX product_import_row_outcome ON product_import_row (import_id, outcome, position);
"""


def upgrade() -> None:
    for statements in (IMPORTS, CHUNKS, ROWS):
        op.execute(statements)
