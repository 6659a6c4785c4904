"""The scopes that narrow what a token may do.

A token without a scope belongs to a user's own session and may do all that the user may. A token with scopes, such as
an API key's, may do only what they allow; the permissions of the user's role limit it too.
"""

from collections.abc import Set as AbstractSet

SAFE = frozenset(("GET", "HEAD", "OPTIONS"))

SERVICES = ("catalog", "orders", "billing", "messaging", "notifications", "operations")

# No scope writes to auth: a leaked key must not create another key, change a password or appoint an administrator.
SCOPES: dict[str, str] = {
    "read": "read everything that its owner may read",
    "write": "change everything that its owner may change, except accounts, keys and sessions",
    "auth:read": "read accounts, keys and sessions",
    **{f"{service}:read": f"read the resources of {service}" for service in SERVICES},
    **{f"{service}:write": f"change the resources of {service}" for service in SERVICES},
}


def allows(scope: AbstractSet[str], service: str, method: str) -> bool:
    """Whether a token with this scope may send a request with this method to this service."""
    if not scope:
        return True
    if method in SAFE:
        return not scope.isdisjoint(("read", f"{service}:read"))
    return service != "auth" and not scope.isdisjoint(("write", f"{service}:write"))


def scoped_service(service: str, path: str) -> str:
    """The service by whose scopes a key may call a path: what is below /auth is an account's, whoever serves it."""
    return "auth" if path.startswith("/api/v1/auth/") else service


def scope_for(service: str, method: str) -> str | None:
    """The narrowest scope that allows this method of this service; None if no API key may use it."""
    wanted = f"{service}:{'read' if method in SAFE else 'write'}"
    return wanted if wanted in SCOPES else None
