"""Roles."""

from collections.abc import Set as AbstractSet
from typing import Literal, get_args

Role = Literal["customer", "staff", "admin"]
"""One role per account; each includes the rights of those before it."""

RANKING: tuple[Role, ...] = get_args(Role)

AVATAR_VARIANT = "medium"
"""The variant of the picture, stored by catalog, that is shown beside a name."""


def is_above(role: Role, roles: AbstractSet[str]) -> bool:
    """Whether the role has rights that none of the caller's roles has."""
    return roles.isdisjoint(RANKING[RANKING.index(role) :])


def is_demotion(before: Role, after: Role) -> bool:
    """Whether the account loses rights that its access tokens still carry."""
    return RANKING.index(after) < RANKING.index(before)
