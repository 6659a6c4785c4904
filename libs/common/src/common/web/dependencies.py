"""What routes ask for: the caller, with a permission, and a transaction.

    Fulfils = Annotated[Identity, may("orders.manage")]

    async def post_order(body: PlaceOrder, caller: Caller, begin: Begin) -> Envelope[OrderView]:
        async with begin() as tx:
            ...

A route commits inside its own body: a `yield` dependency would commit only after the answer has left.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from common.errors import Forbidden, Unauthenticated
from common.openapi.document import OPTIONAL, scheme_of
from common.persistence.transaction import Transaction
from common.security.permissions import Permission
from common.security.scopes import allows
from common.security.tokens import Identity, TokenVerifier


class MaybeAuthenticated(SecurityBase):
    """The caller's identity, or None without a credential; one that is given must be valid, even where none is needed.

    One callable instead of a chain of dependencies: FastAPI resolves every link anew on each request.
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
            raise Unauthenticated("Only Bearer credentials are accepted here", code="unsupported_credentials")
        verifier: TokenVerifier = request.app.state.verifier
        identity = await verifier.verify(token.strip())
        if not allows(identity.scope, request.app.state.service, request.method):
            raise Forbidden("The credential's scopes do not allow this", code="insufficient_scope")
        request.state.identity = identity
        return identity


class Authenticated(SecurityBase):
    """The identity of a caller who must be signed in and, where one is named, have a permission."""

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
            raise Forbidden(f"This needs the permission {self._permission}, which yours do not include")
        return identity


def may(permission: Permission) -> Any:
    """Asks for a caller who has it."""
    return Depends(Authenticated(permission))


async def _begin(request: Request) -> Callable[[], AbstractAsyncContextManager[Transaction]]:
    begin: Callable[[], AbstractAsyncContextManager[Transaction]] = request.app.state.database.begin
    return begin


MaybeCaller = Annotated[Identity | None, Depends(MaybeAuthenticated())]
Caller = Annotated[Identity, Depends(Authenticated())]
Begin = Annotated[Callable[[], AbstractAsyncContextManager[Transaction]], Depends(_begin)]
