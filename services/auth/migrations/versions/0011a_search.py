"""Search without case and accents."""

from common.persistence.schema import create_text_functions

revision = "0011a"
down_revision = "0011"


def upgrade() -> None:
    create_text_functions()
