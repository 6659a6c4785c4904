"""Who may do what beyond their own affairs: the one table.

A role has what is listed for it and all that the roles before it have. For their own account, keys, cart, orders,
payments, messages and notifications people need nothing of this. A token's scopes narrow it further (see scopes).
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Literal

Permission = Literal[
    "accounts.read",
    "audit.read",
    "offer.manage",
    "stock.manage",
    "orders.manage",
    "payments.manage",
    "mail.read",
    "journal.read",
    "dead_letters.manage",
    "accounts.manage",
    "api_keys.manage",
    "resets.read",
    "pre_registrations.read",
    "signing_keys.manage",
]

GRANTS: Mapping[str, Mapping[Permission, str]] = {
    "customer": {},
    "staff": {
        "accounts.read": "see everybody's account",
        "audit.read": "see who tried what, and what came of it",
        "offer.manage": "see and change every product, category and picture",
        "stock.manage": "adjust the stock and see why it changed",
        "orders.manage": "see everybody's orders, cancel, ship and deliver them",
        "payments.manage": "see everybody's payments and pay back",
        "mail.read": "see outgoing mail",
        "journal.read": "see events and requests",
        "dead_letters.manage": "see, replay and discard events that no consumer could handle",
    },
    "admin": {
        "accounts.manage": "add, change, deactivate, delete and restore accounts, and sign people out",
        "api_keys.manage": "see, make and revoke everybody's API keys",
        "resets.read": "see who asked for a new password",
        "pre_registrations.read": "see who wants to be told of the opening",
        "signing_keys.manage": "see and rotate the keys that sign tokens",
    },
}


def _cumulated() -> dict[str, frozenset[Permission]]:
    held: frozenset[Permission] = frozenset()
    return {role: (held := held | granted.keys()) for role, granted in GRANTS.items()}


HELD: Mapping[str, frozenset[Permission]] = _cumulated()
"""All that a role may, what the roles before it may included."""


def permits(roles: AbstractSet[str], permission: Permission) -> bool:
    """Whether somebody with these roles may; a role that is unknown here grants nothing."""
    return any(permission in HELD.get(role, ()) for role in roles)


def least_role(permission: str) -> str:
    """The first role that has it. Raises StopIteration for what is no permission."""
    return next(role for role, held in HELD.items() if permission in held)
