"""The permissions of each role.

A role has the permissions listed for it and those of the roles before it. Users need no permission for their own
account, keys, cart, orders, payments, messages and notifications. A token's scopes narrow it further (see scopes).
Who may manage accounts and keys may do so with those of roles up to their own: auth keeps staff from administrators.
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
    "sessions.manage",
    "signing_keys.manage",
]

GRANTS: Mapping[str, Mapping[Permission, str]] = {
    "customer": {},
    "staff": {
        "accounts.read": "see every account",
        "audit.read": "see the audit trail of every account",
        "offer.manage": "see and change every product, category and picture",
        "stock.manage": "adjust stock and see its history",
        "orders.manage": "see every order, cancel, ship and deliver it",
        "payments.manage": "see every payment and refund it",
        "mail.read": "see outgoing e-mails",
        "journal.read": "see events and requests",
        "dead_letters.manage": "see, replay and discard dead letters",
        "accounts.manage": "add, change, deactivate, delete and restore accounts, and end their sessions",
        "api_keys.manage": "see, create and revoke users' API keys",
        "resets.read": "see password reset requests",
        "pre_registrations.read": "see pre-registrations",
    },
    "admin": {
        "sessions.manage": "sign everybody out at once",
        "signing_keys.manage": "see and rotate the keys that sign tokens",
    },
}


def _cumulate() -> dict[str, frozenset[Permission]]:
    total: frozenset[Permission] = frozenset()
    return {role: (total := total | own.keys()) for role, own in GRANTS.items()}


PERMISSIONS: Mapping[str, frozenset[Permission]] = _cumulate()
"""All permissions of a role, including those of the roles before it."""


def permits(roles: AbstractSet[str], permission: Permission) -> bool:
    """Whether one of the roles has the permission; an unknown role has none."""
    return any(permission in PERMISSIONS.get(role, ()) for role in roles)


def least_role(permission: str) -> str:
    """The first role that has the permission. Raises StopIteration if the permission is unknown."""
    return next(role for role, permissions in PERMISSIONS.items() if permission in permissions)
