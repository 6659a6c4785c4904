"""An account can move to another e-mail address, once somebody has read what was sent there."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE one_time_code ADD COLUMN new_email text,
            DROP CONSTRAINT one_time_code_purpose_known,
            ADD CONSTRAINT one_time_code_purpose_known
                CHECK (purpose IN ('confirm_email', 'reset_password', 'change_email')),
            ADD CONSTRAINT one_time_code_new_email_of_change CHECK (new_email IS NULL OR purpose = 'change_email');
    """)
