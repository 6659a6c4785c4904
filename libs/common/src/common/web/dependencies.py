"""What routes ask for: the caller, by role, and a transaction.

    async def post_order(body: PlaceOrder, caller: Caller, begin: Begin) -> Envelope[OrderView]:
        async with begin() as tx:
            ...

A route commits inside its own body: a `yield` dependency would commit only after the answer has left.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from common.errors import Forbidden, Unauthenticated
from common.persistence.transaction import Transaction
from common.web.tokens import Identity, TokenVerifier

bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="An access token of auth")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


async def _maybe_caller(request: Request, credentials: Credentials) -> Identity | None:
    """None without a credential; one that is given must be valid, even where none is needed."""
    if credentials is None:
        if request.headers.get("authorization"):
            raise Unauthenticated("Only Bearer credentials are accepted here", code="unsupported_credentials")
        return None
    verifier: TokenVerifier = request.app.state.verifier
    identity = await verifier.verify(credentials.credentials)
    request.state.identity = identity
    return identity


async def _caller(identity: Annotated[Identity | None, Depends(_maybe_caller)]) -> Identity:
    if identity is None:
        raise Unauthenticated
    return identity


async def _staff(identity: Annotated[Identity, Depends(_caller)]) -> Identity:
    if not identity.is_staff:
        raise Forbidden("This needs a member of staff")
    return identity


async def _admin(identity: Annotated[Identity, Depends(_caller)]) -> Identity:
    if not identity.is_admin:
        raise Forbidden("This needs an administrator")
    return identity


async def _begin(request: Request) -> Callable[[], AbstractAsyncContextManager[Transaction]]:
    begin: Callable[[], AbstractAsyncContextManager[Transaction]] = request.app.state.database.begin
    return begin


MaybeCaller = Annotated[Identity | None, Depends(_maybe_caller)]
Caller = Annotated[Identity, Depends(_caller)]
Staff = Annotated[Identity, Depends(_staff)]
Admin = Annotated[Identity, Depends(_admin)]
Begin = Annotated[Callable[[], AbstractAsyncContextManager[Transaction]], Depends(_begin)]
