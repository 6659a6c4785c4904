"""Search without case and accents."""

from common.persistence.schema import create_text_functions

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    create_text_functions()
