"""People may have a number for WhatsApp besides their phone."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE contact ADD COLUMN whatsapp_number text")
