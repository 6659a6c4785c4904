"""What people ask to see of what is kept about them, while it is gathered and as long as it can be read."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("""
        -- With the sealed private key goes all that the parts say, wherever else they were written.
        CREATE TABLE export (
            id             uuid PRIMARY KEY,
            account_id     uuid NOT NULL REFERENCES account ON DELETE CASCADE,
            state          text NOT NULL DEFAULT 'gathering',
            services       text[] NOT NULL,
            sealed_private bytea,
            created_at     timestamptz NOT NULL,
            due_at         timestamptz NOT NULL,
            ready_at       timestamptz,
            CONSTRAINT export_state_known CHECK (state IN ('gathering', 'ready', 'failed', 'ended')),
            CONSTRAINT export_ends_with_its_key CHECK ((state = 'ended') = (sealed_private IS NULL))
        );
        CREATE UNIQUE INDEX export_one_at_a_time ON export (account_id) WHERE state = 'gathering';
        CREATE INDEX export_account ON export (account_id, id);
        CREATE INDEX export_due ON export (due_at) WHERE state = 'gathering';
        CREATE INDEX export_created ON export (created_at);

        CREATE TABLE export_part (
            export_id uuid NOT NULL REFERENCES export ON DELETE CASCADE,
            service   text NOT NULL,
            part      integer NOT NULL,
            parts     integer NOT NULL,
            sealed    bytea NOT NULL,
            PRIMARY KEY (export_id, service, part),
            CONSTRAINT export_part_in_range CHECK (0 <= part AND part < parts)
        );
    """)
