"""Several links of one address may be open, and one code: nobody who asks again takes the owner's link away."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("""
        DROP INDEX one_time_code_one_open;
        CREATE UNIQUE INDEX one_time_code_one_open ON one_time_code (subject, purpose)
            WHERE code_hash IS NOT NULL AND used_at IS NULL AND superseded_at IS NULL;
    """)
