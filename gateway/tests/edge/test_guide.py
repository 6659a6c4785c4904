"""What the gateway may answer on its own account is explained to those who run it."""

import re
from pathlib import Path

import pytest

import gateway

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "gateway.md"
SOURCES = sorted(Path(gateway.__path__[0]).glob("*.py"))
CODES = {code for source in SOURCES for code in re.findall(r'code ?= ?"([a-z_]+)"', source.read_text())}
REASONS = {"malformed_request", "rate_limited", "not_found", "unavailable", "token_expired", "session_revoked"}


@pytest.mark.parametrize("code", sorted(CODES | REASONS))
def test_the_guide_says_what_a_refusal_means(code: str) -> None:
    assert f"`{code}`" in GUIDE.read_text()
