"""What others are told of an account."""

from typing import Any

from auth.tables import Account
from common.contracts.auth import UserRegistered, UserUpdated


def registered(account: Account) -> UserRegistered:
    return UserRegistered(**_contact(account))


def updated(account: Account) -> UserUpdated:
    return UserUpdated(**_contact(account))


def _contact(account: Account) -> dict[str, Any]:
    same = ("email", "username", "first_name", "last_name", "phone", "language", "time_zone", "max_messages_per_day")
    return {name: getattr(account, name) for name in same} | {"user_id": account.id, "roles": (account.role,)}
