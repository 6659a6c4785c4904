"""Which payment a provider's event is about, and who was erased: what it tells of a person goes with them."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE erased_person (user_id uuid PRIMARY KEY, erased_at timestamptz NOT NULL);

        ALTER TABLE provider_event ADD COLUMN payment_id uuid;
        UPDATE provider_event SET payment_id = payment.id
        FROM payment
        WHERE provider_event.provider = payment.provider AND result = 'applied' AND payment.reference IN (
            convert_from(payload, 'UTF8')::jsonb #>> '{data,object,id}',
            convert_from(payload, 'UTF8')::jsonb #>> '{data,object,payment_intent}');
        CREATE INDEX provider_event_payment ON provider_event (payment_id) WHERE payment_id IS NOT NULL;
    """)
