"""What a token may be narrowed to, and what each scope opens.

A token without a scope is a person's own sign-in and does all that the person may. One with scopes, such as an API
key's, does only what they open; the person's role bounds it as ever.
"""

from collections.abc import Set as AbstractSet

SAFE = frozenset(("GET", "HEAD", "OPTIONS"))

SERVICES = ("catalog", "orders", "billing", "messaging", "notifications", "operations")

# Reading auth is reading about people. Nothing writes there: a key that leaked must not make another, change a
# password or name an administrator.
SCOPES: dict[str, str] = {
    "read": "read whatever its owner may",
    "write": "change whatever its owner may, except accounts, keys and sessions",
    "auth:read": "read accounts, keys and sessions",
    **{f"{service}:read": f"read what {service} has" for service in SERVICES},
    **{f"{service}:write": f"change what {service} has" for service in SERVICES},
}


def allows(scope: AbstractSet[str], service: str, method: str) -> bool:
    """Whether a token with this scope may send this verb to this service."""
    if not scope:
        return True
    if method in SAFE:
        return not scope.isdisjoint(("read", f"{service}:read"))
    return service != "auth" and not scope.isdisjoint(("write", f"{service}:write"))


def scope_for(service: str, method: str) -> str | None:
    """The narrowest scope that opens this verb of this service; None when no key may send it."""
    wanted = f"{service}:{'read' if method in SAFE else 'write'}"
    return wanted if wanted in SCOPES else None
