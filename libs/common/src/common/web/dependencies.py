"""Dependencies of routes: the caller, a permission, a transaction.

    Fulfils = Annotated[Identity, may("orders.manage")]

    async def post_order(body: PlaceOrder, caller: Caller, begin: Begin) -> Envelope[OrderView]:
        async with begin() as tx:
            ...

A route commits inside its own body: a `yield` dependency would commit after the response was sent.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from common.errors import Forbidden, InsufficientScope, Unauthenticated, UnsupportedCredentials
from common.openapi.document import OPTIONAL, scheme_of
from common.persistence.transaction import Transaction
from common.security.permissions import Permission
from common.security.scopes import allows
from common.security.tokens import Identity, TokenVerifier


class MaybeAuthenticated(SecurityBase):
    """The caller's identity, or None without a credential. A credential must be valid even if the route requires none.

    One callable instead of a chain of dependencies: FastAPI resolves every dependency on each request.
    """

    def __init__(self) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description="An access token of auth")
        self.scheme_name = OPTIONAL

    async def __call__(self, request: Request) -> Identity | None:
        header = request.headers.get("authorization")
        if not header:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise UnsupportedCredentials
        verifier: TokenVerifier = request.app.state.verifier
        identity = await verifier.verify(token.strip())
        if not allows(identity.scope, request.app.state.service, request.method):
            raise InsufficientScope
        request.state.identity = identity
        return identity


class Authenticated(SecurityBase):
    """The identity of a caller who must be signed in and, if one is given, have the permission."""

    def __init__(self, permission: Permission | None = None) -> None:
        self._authenticate = MaybeAuthenticated()
        self.model = self._authenticate.model
        self.scheme_name = scheme_of(permission)
        self._permission = permission

    async def __call__(self, request: Request) -> Identity:
        identity = await self._authenticate(request)
        if identity is None:
            raise Unauthenticated
        if self._permission is not None and not identity.may(self._permission):
            raise Forbidden(f"This requires the permission {self._permission}")
        return identity


def may(permission: Permission) -> Any:
    """Requires a caller with this permission."""
    return Depends(Authenticated(permission))


async def _begin(request: Request) -> Callable[[], AbstractAsyncContextManager[Transaction]]:
    begin: Callable[[], AbstractAsyncContextManager[Transaction]] = request.app.state.database.begin
    return begin


MaybeCaller = Annotated[Identity | None, Depends(MaybeAuthenticated())]
Caller = Annotated[Identity, Depends(Authenticated())]
Begin = Annotated[Callable[[], AbstractAsyncContextManager[Transaction]], Depends(_begin)]
