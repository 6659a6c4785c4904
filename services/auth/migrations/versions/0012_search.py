"""Search without case and accents."""

from common.persistence.schema import create_text_functions

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    create_text_functions()
