"""People's pictures. catalog keeps them; an account knows which one is its own."""

AVATAR = "medium"
"""The variant that is shown beside a name."""
