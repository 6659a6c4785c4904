"""One account per phone, a number for WhatsApp, and one spelling of internationalised domains."""

import idna
import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

# Of accounts that share a number, the first keeps it for itself; the others keep it as their phone.
PHONES = """
ALTER TABLE account ADD COLUMN whatsapp_number text, ADD COLUMN unique_phone text,
    ADD CONSTRAINT account_phone_unique UNIQUE (unique_phone);
UPDATE account SET unique_phone = phone
WHERE id IN (SELECT DISTINCT ON (phone) id FROM account WHERE phone IS NOT NULL ORDER BY phone, created_at, id);
CREATE INDEX account_phone ON account (phone) WHERE phone IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(PHONES)
    for table in ("account", "pre_registration"):
        _decode_domains(table)


def _decode_domains(table: str) -> None:
    """Addresses whose domain is in Punycode: only the first administrator's could be. One that is stored in Unicode
    as well stays as it is: two people may have it."""
    connection, columns = op.get_bind(), sa.table(table, sa.column("id"), sa.column("email"))
    for row in connection.execute(sa.select(columns.c.id, columns.c.email).where(columns.c.email.like("%xn--%"))):
        decoded = _decoded(row.email)
        taken = sa.select(columns.c.id).where(columns.c.email == decoded)
        if connection.execute(taken).first() is None:
            connection.execute(sa.update(columns).where(columns.c.id == row.id).values(email=decoded))


def _decoded(email: str) -> str:
    local, _, domain = email.rpartition("@")
    try:
        return f"{local}@{idna.decode(domain)}"
    except idna.IDNAError:
        return email
