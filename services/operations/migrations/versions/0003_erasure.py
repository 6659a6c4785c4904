"""Who was erased, and a way from a person to what the journal holds of them."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE erased_person (user_id uuid PRIMARY KEY, erased_at timestamptz NOT NULL);

        CREATE INDEX event_person ON event ((coalesce(data->>'user_id', data->>'customer_id', data->>'owner_id')))
            WHERE coalesce(data->>'user_id', data->>'customer_id', data->>'owner_id') IS NOT NULL;
    """)
