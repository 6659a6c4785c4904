"""What an account may do. One role per account; each includes those below it."""

from typing import Literal, get_args

Role = Literal["customer", "staff", "admin"]

RANKING: tuple[Role, ...] = get_args(Role)


def is_demotion(before: Role, after: Role) -> bool:
    """Whether someone would lose rights that their tokens still grant."""
    return RANKING.index(after) < RANKING.index(before)
